package ecr

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// User is the name with which image clients use a token as password.
const User = "AWS"

// TokenLife is how long a token is valid, as in AWS.
const TokenLife = 12 * time.Hour

// ErrToken says that a token was not made here, is over, or that its access key is gone.
var ErrToken = errors.New("the token is wrong or has expired")

// Tokens are passwords for the registry. Each stands for the access key that asked for it and is
// signed with that key's own secret: nothing is stored, a restart changes nothing, and a key that is
// deleted takes its tokens with it.
type Tokens struct {
	// Secret returns the secret of an access key; ok is false when there is no such key now.
	Secret func(ctx context.Context, keyID string) (secret string, ok bool, err error)
	Now    func() time.Time
}

// Issue makes a token for an access key.
func (t *Tokens) Issue(ctx context.Context, keyID string) (token string, expires time.Time, err error) {
	secret, ok, err := t.Secret(ctx, keyID)
	if err != nil {
		return "", expires, fmt.Errorf("look up access key %q: %w", keyID, err)
	}
	if !ok {
		return "", expires, fmt.Errorf("make a token for access key %q: %w", keyID, ErrToken)
	}
	expires = t.Now().Add(TokenLife).Truncate(time.Second)
	claim := keyID + " " + strconv.FormatInt(expires.Unix(), 10)
	return encoding.EncodeToString(append(sign(secret, claim), claim...)), expires, nil
}

// Open returns the access key that a token stands for, with its secret. The error is ErrToken for a
// token that is not valid.
func (t *Tokens) Open(ctx context.Context, token string) (keyID, secret string, err error) {
	raw, err := encoding.DecodeString(token)
	if err != nil || len(raw) < sha256.Size {
		return "", "", ErrToken
	}
	mac, claim := raw[:sha256.Size], string(raw[sha256.Size:])
	keyID, end, _ := strings.Cut(claim, " ")
	secret, ok, err := t.Secret(ctx, keyID)
	if err != nil {
		return "", "", fmt.Errorf("look up the access key of a token: %w", err)
	}
	seconds, err := strconv.ParseInt(end, 10, 64)
	if !hmac.Equal(mac, sign(secret, claim)) || !ok || err != nil || !t.Now().Before(time.Unix(seconds, 0)) {
		return "", "", ErrToken
	}
	return keyID, secret, nil
}

var encoding = base64.RawURLEncoding

// sign binds a claim to a secret. The words before the claim keep it apart from whatever else is
// ever signed with the same secret.
func sign(secret, claim string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("slipway registry token\x00" + claim))
	return mac.Sum(nil)
}
