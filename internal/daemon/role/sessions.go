// Package role gives applications the credentials of their instance role, as the credentials provider of
// a container on AWS does.
//
// An application asks on the loopback address of its own network, so the connection tells which instance
// it is of; nothing else has that address. It shows a pass that only its environment has as well: a
// request that it was talked into making to its own loopback address brings no credentials out.
//
// The credentials are keys of Slipway that may do what the policy of the role says, or, for roles that are
// said to be real, AWS's own. Keys of Slipway are made from a secret and the instance, and not stored:
// they are good for the next daemon as well, and end with the instance.
package role

import (
	"crypto/subtle"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/iam"
)

// Instances knows what runs.
type Instances interface {
	// Instance returns the service and the revision of an instance, until nothing is left of it.
	Instance(id string) (apprunner.Service, apprunner.Revision, bool)
	// Instances returns the ids of all instances.
	InstanceIDs() []string
}

// Sessions are the temporary credentials of all instances.
type Sessions struct {
	Instances Instances
	Make      iam.Sessions
	Policy    func(role string) *iam.Policy // nil for none
	Now       func() time.Time

	mu     sync.Mutex
	known  map[string]holder // by the id of the access key
	looked time.Time         // at all instances
}

// holder is whose credentials they are, and from when.
type holder struct {
	instance string
	from     time.Time
}

// Issue returns the credentials of an instance, false when it has no role or does not exist.
func (s *Sessions) Issue(instanceID string) (iam.Session, bool) {
	now := s.Now()
	session, ok := s.of(instanceID, now)
	if !ok {
		return session, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, told := s.known[session.ID]; !told {
		s.forgetLocked(now)
		s.rememberLocked(session, now)
	}
	return session, true
}

// Find returns the session with an access key, false when it or its instance has ended.
func (s *Sessions) Find(keyID string) (iam.Session, bool) {
	now := s.Now()
	h, ok := s.holder(keyID, now)
	if !ok {
		return iam.Session{}, false
	}
	session, ok := s.of(h.instance, h.from)
	return session, ok && session.ID == keyID
}

// Passes reports whether a pass is that of an instance.
func (s *Sessions) Passes(instanceID, pass string) bool {
	return subtle.ConstantTimeCompare([]byte(pass), []byte(s.Make.Pass(instanceID))) == 1
}

func (s *Sessions) of(instanceID string, at time.Time) (iam.Session, bool) {
	_, revision, ok := s.Instances.Instance(instanceID)
	role := revision.Spec.Instance.Role
	if !ok || role == "" {
		return iam.Session{}, false
	}
	return s.Make.At(role, instanceID, s.Policy(role), at), true
}

// lookPause is how long all instances are not looked at again for a key that nobody knows: anybody can
// make one up.
const lookPause = 10 * time.Second

// holder finds whose key it is. One that is not known may have been given out by an earlier daemon.
func (s *Sessions) holder(keyID string, now time.Time) (holder, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.known[keyID]
	if ok || !s.looked.IsZero() && now.Sub(s.looked) < lookPause {
		return h, ok
	}
	s.looked = now
	for _, id := range s.Instances.InstanceIDs() {
		for _, at := range []time.Time{now, now.Add(-iam.SessionTime)} {
			if session, ok := s.of(id, at); ok {
				s.rememberLocked(session, at)
			}
		}
	}
	h, ok = s.known[keyID]
	return h, ok
}

func (s *Sessions) rememberLocked(session iam.Session, from time.Time) {
	if s.known == nil {
		s.known = map[string]holder{}
	}
	s.known[session.ID] = holder{session.Name, from}
}

// forgetLocked drops what can be good no more.
func (s *Sessions) forgetLocked(now time.Time) {
	for id, h := range s.known {
		if now.Sub(h.from) > 2*iam.SessionTime {
			delete(s.known, id)
		}
	}
}
