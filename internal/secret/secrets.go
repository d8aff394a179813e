package secret

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Secrets answers what Secrets Manager is asked.
type Secrets struct {
	Account string // twelve digits
	Store   Store[Secret]
	Tags    Tags
	Now     func() time.Time
	// Changed, if set, is told that another value is a secret's now.
	Changed func()
}

func missing() *Error {
	return Errorf(notFound, "Secrets Manager can't find the specified secret.")
}

func deleted() *Error {
	return Errorf(invalidRequest, "You can't perform this operation on the secret because it was marked for deletion.")
}

// find returns the secret that an id means: a name, an ARN, or one without its random end.
func (m *Secrets) find(ctx context.Context, here apprunner.Place, id string) (Secret, error) {
	for _, name := range names(here, id) {
		s, err := m.Store.Find(ctx, here.Region, name)
		if err != nil {
			return Secret{}, err
		}
		if s != nil && s.means(id) && !s.gone(m.Now()) {
			return *s, nil
		}
	}
	return Secret{}, missing()
}

// ARN returns the ARN of the secret that an id means, "" when there is none.
func (m *Secrets) ARN(ctx context.Context, here apprunner.Place, id string) (string, error) {
	s, err := m.find(ctx, here, id)
	if _, wrong := err.(*Error); wrong { //nolint:errorlint // find returns it as it is
		return "", nil
	}
	return s.ARN, err
}

// change updates the secret that an id means. One marked for deletion only changes with also.
func (m *Secrets) change(ctx context.Context, here apprunner.Place, id string, also bool, decide Decide[Secret]) error {
	found, err := m.find(ctx, here, id)
	if err != nil {
		return err
	}
	return m.Store.Change(ctx, here.Region, found.Name, func(now *Secret, value func(string) (Value, error)) (Update[Secret], error) {
		switch {
		case now == nil || now.ARN != found.ARN:
			return Update[Secret]{}, missing()
		case !now.DeletedAt.IsZero() && !also:
			return Update[Secret]{}, deleted()
		}
		return decide(now, value)
	})
}

func (m *Secrets) tell() {
	if m.Changed != nil {
		m.Changed()
	}
}

// New is what CreateSecret asks for.
type New struct {
	Name, Description, KMSKey, Type string
	Token                           string // of the version; "" for a new one
	Value                           Value
	Tags                            map[string]string
}

// Create makes a secret. The same call with the same token makes it once.
func (m *Secrets) Create(ctx context.Context, here apprunner.Place, n New) (made Secret, version string, err error) {
	if !nameForm.MatchString(n.Name) {
		return made, "", Errorf(validation, "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	if err := checkTags(n.Tags); err != nil {
		return made, "", err
	}
	token := n.Token
	if token == "" {
		token = uuid.NewString()
	}
	err = m.Store.Change(ctx, here.Region, n.Name, func(now *Secret, value func(string) (Value, error)) (Update[Secret], error) {
		if now != nil && !now.gone(m.Now()) {
			made, version = *now, token
			return m.created(now, token, n, value)
		}
		at := m.Now()
		made = Secret{
			ARN: newARN(here, n.Name), Region: here.Region, Name: n.Name, Description: n.Description, KMSKey: n.KMSKey, Type: n.Type,
			CreatedAt: at, ChangedAt: at,
		}
		u := Update[Secret]{ARN: made.ARN, Item: &made, Tags: n.Tags, KMSKey: n.KMSKey}
		if now != nil {
			u.Replaces = now.ARN
		}
		if n.Value.Empty() {
			return u, nil
		}
		version, u.Add = token, map[string]Value{token: n.Value}
		_, err := made.add(token, []string{Current}, at)
		return u, err
	})
	return made, version, err
}

// created answers a Create of a name that is taken: by the same call before, or by another.
func (m *Secrets) created(now *Secret, token string, n New, value func(string) (Value, error)) (Update[Secret], error) {
	if !now.DeletedAt.IsZero() {
		return Update[Secret]{}, Errorf(invalidRequest, "You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if now.version(token) != nil {
		have, err := value(token)
		if err != nil {
			return Update[Secret]{}, err
		}
		if have.equal(n.Value) {
			return Update[Secret]{Keep: true}, nil
		}
	}
	return Update[Secret]{}, Errorf(exists, "The operation failed because the secret %s already exists.", n.Name)
}

// Put adds a version to a secret, with stages or as the current one. The same call with the same token
// adds it once.
func (m *Secrets) Put(ctx context.Context, here apprunner.Place, id, token string, v Value, stages []string) (s Secret, put Version, err error) {
	if v.Empty() {
		return s, put, Errorf(invalidParameter, "You must provide either SecretString or SecretBinary.")
	}
	if len(stages) == 0 {
		stages = []string{Current}
	}
	if token == "" {
		token = uuid.NewString()
	}
	err = m.change(ctx, here, id, false, func(now *Secret, value func(string) (Value, error)) (u Update[Secret], err error) {
		u, err = m.put(now, token, v, stages, value)
		if s = *now; u.Item != nil {
			s = *u.Item
		}
		if found := s.version(token); found != nil {
			put = *found
		}
		return u, err
	})
	if err == nil {
		m.tell()
	}
	return s, put, err
}

func (m *Secrets) put(now *Secret, token string, v Value, stages []string, value func(string) (Value, error)) (Update[Secret], error) {
	if now.version(token) != nil {
		have, err := value(token)
		if err == nil && !have.equal(v) {
			err = Errorf(exists, "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", token, now.ARN)
		}
		return Update[Secret]{Keep: true}, err
	}
	next := *now
	dropped, err := next.add(token, stages, m.Now())
	return Update[Secret]{ARN: next.ARN, Item: &next, Add: map[string]Value{token: v}, Drop: dropped, KMSKey: next.KMSKey}, err
}

// Patch is what UpdateSecret asks for; a nil member stays as it is.
type Patch struct {
	Description, KMSKey, Type *string
	Token                     string
	Value                     Value
}

// Update changes what describes a secret and, with a value, makes that the current one.
func (m *Secrets) Update(ctx context.Context, here apprunner.Place, id string, p Patch) (s Secret, version string, err error) {
	token := p.Token
	if token == "" {
		token = uuid.NewString()
	}
	err = m.change(ctx, here, id, false, func(now *Secret, value func(string) (Value, error)) (u Update[Secret], err error) {
		next := *now
		for to, from := range map[*string]*string{&next.Description: p.Description, &next.KMSKey: p.KMSKey, &next.Type: p.Type} {
			if from != nil {
				*to = *from
			}
		}
		next.ChangedAt = m.Now()
		u = Update[Secret]{ARN: next.ARN, Item: &next}
		if !p.Value.Empty() {
			version = token
			if u, err = m.put(&next, token, p.Value, []string{Current}, value); u.Keep {
				u = Update[Secret]{ARN: next.ARN, Item: &next}
			}
		}
		if u.Item != nil {
			s = *u.Item
		}
		return u, err
	})
	if err == nil && version != "" {
		m.tell()
	}
	return s, version, err
}

// Describe returns a secret, also one that is marked for deletion, with its tags.
func (m *Secrets) Describe(ctx context.Context, here apprunner.Place, id string) (Secret, map[string]string, error) {
	s, err := m.find(ctx, here, id)
	if err != nil {
		return s, nil, err
	}
	tags, err := m.Tags.Tags(ctx, s.ARN)
	return s, tags, err
}

// Get returns a version of a secret with its value: the one with an id, the one with a stage, or the
// current one.
func (m *Secrets) Get(ctx context.Context, here apprunner.Place, id, version, stage string) (Secret, Version, Value, error) {
	s, v, err := m.Which(ctx, here, id, version, stage)
	if err != nil {
		return s, v, Value{}, err
	}
	value, err := m.Store.Value(ctx, here.Region, s.Name, v.ID)
	if err != nil {
		return s, v, value, err
	}
	return s, v, value, m.accessed(ctx, s)
}

// Which finds the version that Get returns.
func (m *Secrets) Which(ctx context.Context, here apprunner.Place, id, version, stage string) (Secret, Version, error) {
	s, err := m.find(ctx, here, id)
	if err != nil {
		return s, Version{}, err
	}
	if !s.DeletedAt.IsZero() {
		return s, Version{}, deleted()
	}
	var v *Version
	switch {
	case version != "":
		if v = s.version(version); v == nil {
			return s, Version{}, Errorf(notFound, "Secrets Manager can't find the specified secret value for VersionId: %s", version)
		}
		if stage != "" && !slices.Contains(v.Stages, stage) {
			return s, Version{}, Errorf(invalidRequest, "You provided a VersionStage that is not associated to the provided VersionId.")
		}
	default:
		if stage == "" {
			stage = Current
		}
		if v = s.staged(stage); v == nil {
			return s, Version{}, Errorf(notFound, "Secrets Manager can't find the specified secret value for staging label: %s", stage)
		}
	}
	return s, *v, nil
}

// accessed notes the day that a secret was last read on.
func (m *Secrets) accessed(ctx context.Context, s Secret) error {
	day := m.Now().UTC().Truncate(24 * time.Hour)
	if s.AccessedAt.Equal(day) {
		return nil
	}
	return m.Store.Change(ctx, s.Region, s.Name, func(now *Secret, _ func(string) (Value, error)) (Update[Secret], error) {
		if now == nil || now.ARN != s.ARN {
			return Update[Secret]{Keep: true}, nil
		}
		next := *now
		next.AccessedAt = day
		return Update[Secret]{ARN: next.ARN, Item: &next}, nil
	})
}

// Retag sets tags of a secret and removes others.
func (m *Secrets) Retag(ctx context.Context, here apprunner.Place, id string, set map[string]string, remove []string) error {
	s, err := m.find(ctx, here, id)
	if err != nil {
		return err
	}
	if err := checkTags(set); err != nil {
		return err
	}
	if !s.DeletedAt.IsZero() {
		return deleted()
	}
	err = m.Tags.ChangeTags(ctx, s.ARN, set, remove)
	if apprunner.CodeOf(err) == apprunner.InvalidRequest {
		return Errorf(invalidParameter, "%s", err)
	}
	return err
}

// Stages are the versions that have a stage, as DescribeSecret shows them.
func (s *Secret) Stages() map[string][]string {
	all := map[string][]string{}
	for _, v := range s.Versions {
		if len(v.Stages) > 0 {
			all[v.ID] = v.Stages
		}
	}
	return maps.Clone(all)
}
