package access

import (
	"net/http"
	"regexp"

	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
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
	t.entry.AccessKeyID, t.entry.Region = who.AccessKeyID, who.Region
	if u, ok := v.Guard.Find(who.AccessKeyID); ok {
		t.entry.User = u.ARN(v.Guard.Home.Account)
	}
	if !v.Guard.Limiter.Allow(who.AccessKeyID) {
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
