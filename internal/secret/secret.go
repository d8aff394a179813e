package secret

import (
	"crypto/rand"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Secret is a secret of Secrets Manager, without its values.
type Secret struct {
	ARN         string
	Region      string
	Name        string
	Description string `json:",omitempty"`
	KMSKey      string `json:",omitempty"` // as the caller named it
	Type        string `json:",omitempty"`
	CreatedAt   time.Time
	ChangedAt   time.Time
	AccessedAt  time.Time `json:",omitzero"` // to the day
	DeletedAt   time.Time `json:",omitzero"` // when its deletion was asked for
	EndsAt      time.Time `json:",omitzero"` // until then it can be restored
	Versions    []Version // oldest first
}

// Version is a version of a secret. One without a stage is kept for a while and not listed.
type Version struct {
	ID        string
	Stages    []string
	CreatedAt time.Time
}

// The stages that Secrets Manager moves by itself.
const (
	Current  = "AWSCURRENT"
	Previous = "AWSPREVIOUS"
	Pending  = "AWSPENDING"
)

// Limits of Secrets Manager.
const (
	maxVersions  = 100
	maxStages    = 20
	deprecation  = 24 * time.Hour // younger versions are never dropped
	minWindow    = 7              // days
	maxWindow    = 30
	suffixLength = 6
)

// nameForm is what a name may have.
//
// Source: CreateSecret in the API reference of Secrets Manager.
var nameForm = regexp.MustCompile(`\A[A-Za-z0-9/_+=.@!-]{1,512}\z`)

// gone reports whether the secret's recovery window is over.
func (s *Secret) gone(now time.Time) bool { return !s.EndsAt.IsZero() && !now.Before(s.EndsAt) }

func (s *Secret) version(id string) *Version {
	for i := range s.Versions {
		if s.Versions[i].ID == id {
			return &s.Versions[i]
		}
	}
	return nil
}

func (s *Secret) staged(stage string) *Version {
	for i := range s.Versions {
		if slices.Contains(s.Versions[i].Stages, stage) {
			return &s.Versions[i]
		}
	}
	return nil
}

// move attaches a stage to a version. The version that AWSCURRENT leaves becomes AWSPREVIOUS.
func (s *Secret) move(stage, id string) {
	left := s.staged(stage)
	if left != nil && left.ID == id {
		return
	}
	if left != nil {
		left.Stages = slices.DeleteFunc(left.Stages, func(l string) bool { return l == stage })
		if stage == Current {
			s.move(Previous, left.ID)
		}
	}
	to := s.version(id)
	to.Stages = append(to.Stages, stage)
}

// add makes a version with stages; the first version is current whatever they are. It returns the
// versions that are dropped for it.
func (s *Secret) add(id string, stages []string, now time.Time) (dropped []string, err error) {
	if len(s.Versions) == 0 && !slices.Contains(stages, Current) {
		stages = append(slices.Clone(stages), Current)
	}
	if len(stages) > maxStages {
		return nil, Errorf("LimitExceededException", "A version can have at most %d staging labels.", maxStages)
	}
	s.Versions = append(slices.Clone(s.Versions), Version{ID: id, CreatedAt: now})
	for i := range s.Versions {
		s.Versions[i].Stages = slices.Clone(s.Versions[i].Stages)
	}
	for _, stage := range stages {
		s.move(stage, id)
	}
	s.ChangedAt = now
	s.Versions = slices.DeleteFunc(s.Versions, func(v Version) bool {
		old := len(v.Stages) == 0 && now.Sub(v.CreatedAt) > deprecation && len(s.Versions)-len(dropped) > maxVersions
		if old {
			dropped = append(dropped, v.ID)
		}
		return old
	})
	if len(s.Versions) > maxVersions {
		return nil, Errorf("LimitExceededException", "The secret %s has %d versions, the most allowed, and none of them is without a staging label and older than a day.", s.Name, maxVersions)
	}
	return dropped, nil
}

// newARN is the ARN of a new secret. Its random end keeps a secret of the same name, made after this
// one is gone, from having this one's rights.
func newARN(here apprunner.Place, name string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	random := make([]byte, suffixLength)
	_, _ = rand.Read(random)
	for i, b := range random {
		random[i] = letters[int(b)%len(letters)]
	}
	return arnPrefix(here) + name + "-" + string(random)
}

func arnPrefix(here apprunner.Place) string {
	return "arn:aws:secretsmanager:" + here.Region + ":" + here.Account + ":secret:"
}

// names are the names that a SecretId may mean: that of an ARN with its random end, or without, or the
// id itself.
func names(here apprunner.Place, id string) []string {
	if !strings.HasPrefix(id, "arn:") {
		return []string{id}
	}
	rest, ok := strings.CutPrefix(id, arnPrefix(here))
	if !ok {
		return nil
	}
	if at := len(rest) - suffixLength - 1; at > 0 && rest[at] == '-' {
		return []string{rest[:at], rest}
	}
	return []string{rest}
}

// means reports whether id names s, found under one of its names.
func (s *Secret) means(id string) bool {
	return !strings.HasPrefix(id, "arn:") || id == s.ARN || id == s.ARN[:len(s.ARN)-suffixLength-1]
}
