package iam

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// SessionTime is how often an application gets other temporary credentials. Those that it has are good
// until the end of the time after the one that they were made in: for one to two hours. Clients fetch
// new ones a quarter of an hour before the end, so what they hold is never about to end.
const SessionTime = time.Hour

// Session is the temporary credentials of whoever acts as a role, and what they may do.
type Session struct {
	User
	Token   string
	Expires time.Time
}

// Sessions makes the credentials of roles from a secret. Nothing of them is stored: who knows the secret,
// the role and the holder makes the same ones again, so they are good for another process as well.
type Sessions struct{ secret []byte }

// NewSessions makes sessions from a secret of the data directory.
func NewSessions(secret string) Sessions {
	return Sessions{sum([]byte(secret), "sessions of roles")}
}

// At returns the credentials of a holder of a role that are given out at a time. A holder is what the
// session is named for: the id of an instance. Without a policy the role may do nothing.
func (s Sessions) At(role, holder string, policy *Policy, now time.Time) Session {
	window := now.Truncate(SessionTime)
	begin := binary.BigEndian.AppendUint64(nil, uint64(window.Unix()))
	key := sum(s.secret, role, holder, string(begin))
	return Session{
		User: User{
			Key: Key{
				ID:        "ASIA" + base32.StdEncoding.EncodeToString(sum(key, "id")[:10]),
				Secret:    base64.StdEncoding.EncodeToString(sum(key, "secret")[:30]),
				CreatedAt: window.UTC(),
			},
			Name: holder, Role: role, Policy: policy,
		},
		Token:   base64.StdEncoding.EncodeToString(append(sum(key, "token"), sum(key, "more of the token")...)),
		Expires: window.Add(2 * SessionTime).UTC(),
	}
}

// Pass is what a holder shows to be given credentials. It does not end before the holder does.
func (s Sessions) Pass(holder string) string {
	return base64.RawURLEncoding.EncodeToString(sum(s.secret, "pass", holder))
}

// sum is the HMAC of parts, each told apart from the next.
func sum(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// sessionARN is how AWS names somebody who acts as a role.
func sessionARN(role, name string) string {
	account, path, _ := strings.Cut(strings.TrimPrefix(role, "arn:aws:iam::"), ":role/")
	return "arn:aws:sts::" + account + ":assumed-role/" + path[strings.LastIndexByte(path, '/')+1:] + "/" + name
}
