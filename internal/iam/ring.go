package iam

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// User is an access key with its name and what it may do. Printing or logging it shows the id only.
type User struct {
	Key
	Name   string  `json:"Name"`
	Policy *Policy `json:"Policy"` // nil for the root key, which may do everything, and for a role that may nothing
	Role   string  `json:"-"`      // ARN of the role that the user acts as, "" for a key of its own
}

// Root reports whether u is the root key.
func (u User) Root() bool { return u.Policy == nil && u.Role == "" }

// ARN is how denials name the user.
func (u User) ARN(account string) string {
	switch {
	case u.Role != "":
		return sessionARN(u.Role, u.Name)
	case u.Root():
		return "arn:aws:iam::" + account + ":root"
	default:
		return "arn:aws:iam::" + account + ":user/" + u.Name
	}
}

// Principal is the ARN that policies know the user by: of who acts as a role, that of the role.
func (u User) Principal(account string) string {
	if u.Role != "" {
		return u.Role
	}
	return u.ARN(account)
}

// Allows decides about a request of the user.
func (u User) Allows(r Request) Decision {
	switch {
	case u.Root():
		return Allowed
	case u.Policy == nil:
		return NotAllowed
	default:
		return u.Policy.Allows(r)
	}
}

// Store remembers access keys, each as a document that it keeps encrypted.
type Store interface {
	AccessKeys(ctx context.Context) (documents [][]byte, err error)
	AddAccessKey(ctx context.Context, id string, document []byte) error
	RemoveAccessKey(ctx context.Context, id string) (found bool, err error)
}

// Ring is all access keys: the root key and those of the store, which it holds in memory. What is
// created or deleted counts at once.
type Ring struct {
	store Store

	change sync.Mutex // held by the one call that changes keys
	mu     sync.RWMutex
	users  map[string]User // by id
}

// OpenRing reads the keys of a store. One that cannot be read, because an older Slipway than the one
// that wrote it does not know all of its policy, lets nobody in and keeps nobody else out.
func OpenRing(ctx context.Context, root Key, store Store, log *slog.Logger) (*Ring, error) {
	documents, err := store.AccessKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the access keys: %w", err)
	}
	users := map[string]User{root.ID: {Key: root, Name: "root"}}
	for _, document := range documents {
		var u User
		err := json.Unmarshal(document, &u)
		if err == nil {
			err = u.valid()
		}
		if err == nil && (u.Policy == nil || u.ID == root.ID) {
			err = errors.New("it has no policy")
		}
		if err != nil {
			log.Error("an access key cannot be used: delete it and make a new one", "access_key", u.ID, "name", u.Name, "error", err)
			continue
		}
		users[u.ID] = u
	}
	return &Ring{store: store, users: users}, nil
}

// Find returns the user with an access key.
func (r *Ring) Find(id string) (User, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	u, ok := r.users[id]
	return u, ok
}

// Authenticate returns the user with an id and a secret. It takes the same time whichever of them is
// wrong.
func (r *Ring) Authenticate(id, secret string) (User, bool) {
	u, known := r.Find(id)
	// Hashes have the same length, whatever was sent, and so have their comparisons.
	got, want := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(u.Secret))
	right := subtle.ConstantTimeCompare(got[:], want[:]) == 1
	if !known || !right {
		return User{}, false
	}
	return u, true
}

// Users lists all users, the root key first and then by name.
func (r *Ring) Users() []User {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.SortedFunc(maps.Values(r.users), func(a, b User) int {
		if a.Root() != b.Root() {
			return map[bool]int{true: -1, false: 1}[a.Root()]
		}
		return strings.Compare(a.Name, b.Name)
	})
}

var nameForm = regexp.MustCompile(`\A[A-Za-z0-9_+=,.@-]{1,64}\z`)

// NameError is a name that a key cannot have. Its text is for whoever chose it.
type NameError string

func (e NameError) Error() string { return string(e) }

// Create makes an access key. An empty name stands for the id of the key. The error is a NameError
// when the name is malformed or taken.
func (r *Ring) Create(ctx context.Context, name string, policy *Policy) (User, error) {
	r.change.Lock()
	defer r.change.Unlock()
	u := User{Key: NewKey(time.Now()), Name: name, Policy: policy}
	if name == "" {
		u.Name = u.ID
	}
	if !nameForm.MatchString(u.Name) {
		return User{}, NameError(fmt.Sprintf("The name %q of an access key must have 1 to 64 letters, digits and _+=,.@-", name))
	}
	for _, other := range r.Users() {
		if other.Name == u.Name {
			return User{}, NameError(fmt.Sprintf("There is an access key with the name %q already: %s.", name, other.ID))
		}
	}
	document, err := json.Marshal(u)
	if err != nil {
		return User{}, fmt.Errorf("encode access key %s: %w", u.ID, err)
	}
	if err := r.store.AddAccessKey(ctx, u.ID, document); err != nil {
		return User{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users[u.ID] = u
	return u, nil
}

// Delete deletes an access key for good and tells whether there was one. The root key stays.
func (r *Ring) Delete(ctx context.Context, id string) (found bool, err error) {
	r.change.Lock()
	defer r.change.Unlock()
	if u, ok := r.Find(id); ok && u.Root() {
		return false, NameError("The root key cannot be deleted. To replace it, stop Slipway, remove root.key from the data directory and start it again.")
	}
	if found, err = r.store.RemoveAccessKey(ctx, id); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.users, id)
	return found, nil
}
