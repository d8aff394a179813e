package secret

import (
	"context"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Delete marks a secret for deletion after a recovery window in days, 30 unless it says so, or with
// force deletes it at once. It returns when the secret ends.
func (m *Secrets) Delete(ctx context.Context, here apprunner.Place, id string, window *int64, force bool) (gone Secret, ends time.Time, err error) {
	if force && window != nil {
		return gone, ends, Errorf(invalidParameter, "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}
	days := int64(maxWindow)
	if window != nil {
		days = *window
	}
	if days < minWindow || days > maxWindow {
		return gone, ends, Errorf(invalidParameter, "The RecoveryWindowInDays value must be between %d and %d days (inclusive).", minWindow, maxWindow)
	}
	err = m.change(ctx, here, id, true, func(now *Secret, _ func(string) (Value, error)) (Update[Secret], error) {
		gone, ends = *now, m.Now()
		if force {
			return Update[Secret]{ARN: now.ARN}, nil
		}
		if !now.DeletedAt.IsZero() {
			return Update[Secret]{}, Errorf(invalidRequest, "You tried to perform the operation on a secret that's currently marked deleted.")
		}
		gone.DeletedAt, gone.EndsAt = ends, ends.AddDate(0, 0, int(days))
		ends = gone.EndsAt
		return Update[Secret]{ARN: now.ARN, Item: &gone}, nil
	})
	if e, ok := err.(*Error); ok && e.Code == notFound && force { //nolint:errorlint // change returns it as it is
		// Source: DeleteSecret in the API reference: with force, a secret that is not there is no error.
		return Secret{Name: id[strings.LastIndex(id, ":")+1:], ARN: id}, m.Now(), nil
	}
	return gone, ends, err
}

// Restore takes a secret's mark for deletion away. Without one it does nothing.
func (m *Secrets) Restore(ctx context.Context, here apprunner.Place, id string) (s Secret, err error) {
	err = m.change(ctx, here, id, true, func(now *Secret, _ func(string) (Value, error)) (Update[Secret], error) {
		s = *now
		s.DeletedAt, s.EndsAt = time.Time{}, time.Time{}
		return Update[Secret]{ARN: now.ARN, Item: &s}, nil
	})
	return s, err
}

// Purge removes the secrets whose recovery window is over. Nobody sees them from its end on.
func (m *Secrets) Purge(ctx context.Context) error {
	all, err := m.Store.List(ctx, "")
	if err != nil {
		return err
	}
	for _, s := range all {
		if !s.gone(m.Now()) {
			continue
		}
		err := m.Store.Change(ctx, s.Region, s.Name, func(now *Secret, _ func(string) (Value, error)) (Update[Secret], error) {
			if now == nil || !now.gone(m.Now()) {
				return Update[Secret]{Keep: true}, nil
			}
			return Update[Secret]{ARN: now.ARN}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// maxTags is how many tags a resource can have.
const maxTags = 50

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return Errorf(invalidParameter, "A secret can have at most %d tags.", maxTags)
	}
	for key := range tags {
		if key == "" || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return Errorf(invalidParameter, "Tag key %q is not valid: it may neither be empty nor begin with aws:, which is reserved.", key)
		}
	}
	return nil
}
