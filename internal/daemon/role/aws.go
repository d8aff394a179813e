package role

import (
	"context"
	"maps"
	"sync"
	"time"
)

// Assume returns credentials of AWS for a session of a role, and when they end.
type Assume func(ctx context.Context, region, role, session string, life time.Duration) (Credentials, error)

// AWS gets the credentials of roles that are real, and keeps them while they are good for long enough.
type AWS struct {
	Assume Assume
	Now    func() time.Time

	mu   sync.Mutex
	kept map[session]Credentials
}

type session struct{ role, instance string }

// What is asked of AWS: an hour is the longest that every role allows, and SDKs ask again a quarter of an
// hour before the end.
const (
	awsLife  = time.Hour
	awsSpare = 20 * time.Minute
)

func (a *AWS) credentials(ctx context.Context, region, role, instance string) (Credentials, error) {
	key := session{role, instance}
	a.mu.Lock()
	c, ok := a.kept[key]
	a.mu.Unlock()
	if ok && a.Now().Add(awsSpare).Before(c.Expiration) {
		return c, nil
	}
	fresh, err := a.Assume(ctx, region, role, instance, awsLife)
	if err != nil {
		return Credentials{}, err
	}
	fresh.RoleArn = role
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept == nil {
		a.kept = map[session]Credentials{}
	}
	maps.DeleteFunc(a.kept, func(_ session, c Credentials) bool { return a.Now().After(c.Expiration) })
	a.kept[key] = fresh
	return fresh, nil
}
