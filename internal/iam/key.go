package iam

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"log/slog"
	"regexp"
	"time"
)

// Key is an access key: an id, which is public, and the secret that signs requests. Logging or
// printing a Key shows its id only.
type Key struct {
	ID        string    `json:"AccessKeyId"`
	Secret    string    `json:"SecretAccessKey"`
	CreatedAt time.Time `json:"CreatedAt"`
}

// NewKey makes a key of the shape that AWS clients expect: an id of 20 characters that begins with
// AKIA, and a secret of 40, with 80 and 240 random bits.
func NewKey(now time.Time) Key {
	var id [10]byte
	var secret [30]byte
	// rand.Read never fails: it ends the program when there is no randomness.
	_, _ = rand.Read(id[:])
	_, _ = rand.Read(secret[:])
	return Key{
		ID:        "AKIA" + base32.StdEncoding.EncodeToString(id[:]),
		Secret:    base64.StdEncoding.EncodeToString(secret[:]),
		CreatedAt: now.UTC(),
	}
}

var (
	idForm     = regexp.MustCompile(`\AAKIA[A-Z2-7]{16}\z`)
	secretForm = regexp.MustCompile(`\A[A-Za-z0-9+/]{40}\z`)
)

// valid reports what is wrong with the form of k.
func (k Key) valid() error {
	if !idForm.MatchString(k.ID) {
		return fmt.Errorf("%q is not an access key id", k.ID)
	}
	if !secretForm.MatchString(k.Secret) {
		return fmt.Errorf("the secret of access key %q does not have the form of one", k.ID)
	}
	return nil
}

// LogValue keeps the secret out of logs, Format out of messages.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.ID) }

// Format implements fmt.Formatter.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.ID) }
