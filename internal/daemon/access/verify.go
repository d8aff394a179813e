package access

import (
	"net/http"
	"regexp"

	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/console"
)

// Verifier verifies signatures and holds each key to its rate.
type Verifier struct {
	Guard     *Guard
	Signature *sigv4.Verifier
}

// Verify returns who signed a request. Only signed requests count against the rate of a key, so that
// nobody can use it up who does not have the secret.
func (v Verifier) Verify(r *http.Request, body []byte) (sigv4.Identity, error) {
	t := trailOf(r.Context())
	who, err := v.Signature.Verify(r, body)
	if err != nil {
		t.entry.AccessKeyID = claimed(r)
		return who, err
	}
	return v.Guard.admit(t, who)
}

// Session verifies calls that come through the console, by their session.
type Session struct{ Guard *Guard }

// Verify returns whose session a request belongs to.
func (s Session) Verify(r *http.Request, _ []byte) (sigv4.Identity, error) {
	caller, ok := console.CallerOf(r.Context())
	if !ok {
		return sigv4.Identity{}, errNoKey
	}
	return s.Guard.admit(trailOf(r.Context()), sigv4.Identity{AccessKeyID: caller.KeyID, Region: caller.Region, Service: caller.Service})
}

// admit records whose call it is, and takes a token from the key's bucket.
func (g *Guard) admit(t *trail, who sigv4.Identity) (sigv4.Identity, error) {
	t.entry.AccessKeyID, t.entry.Region = who.AccessKeyID, who.Region
	if u, ok := g.Find(who.AccessKeyID); ok {
		t.entry.User = u.ARN(g.Home.Account)
	}
	if !g.Limiter.Allow(who.AccessKeyID) {
		return sigv4.Identity{}, errThrottled
	}
	return who, nil
}

var (
	inCredential = regexp.MustCompile(`Credential=(A[KS]IA[A-Z2-7]{16})/`)
	inQuery      = regexp.MustCompile(`\A(A[KS]IA[A-Z2-7]{16})/`)
	keyForm      = regexp.MustCompile(`\AA[KS]IA[A-Z2-7]{16}\z`)
)

// claimed is the key that a request says to be signed with. Anything that does not look like the id
// of a key is left out: it may be a secret that got into the wrong place.
func claimed(r *http.Request) string {
	if m := inCredential.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		return m[1]
	}
	if m := inQuery.FindStringSubmatch(r.URL.Query().Get("X-Amz-Credential")); m != nil {
		return m[1]
	}
	return ""
}
