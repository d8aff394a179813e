// Package sigv4 verifies and makes AWS Signature Version 4.
//
// To verify, it signs the same request again, with the same headers and the secret that belongs to
// the access key, and compares.
package sigv4

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
	v4 "github.com/aws/smithy-go/aws-http-auth/v4"
)

// MaxSkew is how far the clock of a caller may be off.
const MaxSkew = 5 * time.Minute

// Identity is who signed a request, and for what.
type Identity struct {
	AccessKeyID string
	Region      string
	Service     string
}

// Credentials are the secret half of an access key. Temporary ones have a token and an end.
type Credentials struct {
	Secret  string
	Token   string    // "" for a lasting key
	Expires time.Time // zero for never
}

// Keys finds credentials. It says false for a key that does not exist; an error means that it could
// not find out.
type Keys interface {
	Lookup(ctx context.Context, accessKeyID string) (Credentials, bool, error)
}

// Verifier verifies the signatures of requests. All its fields must be set.
type Verifier struct {
	Keys     Keys
	Services []string         // the services that a signature may be scoped to
	Now      func() time.Time // the clock
}

// Verify returns who signed r, whose body must be given in full. The error is an *Error when the
// caller is to blame.
//
// The signature must cover the host, the time, the target and the session token. It need not cover
// the type of the content, which AWS's own SDK for PHP leaves out: it must not decide anything. The
// hash of the body is always that of the body: an unsigned payload is refused. The host is r.Host,
// so a proxy in front must pass the Host header on.
func (v *Verifier) Verify(r *http.Request, body []byte) (Identity, error) {
	s, err := parse(r)
	if err != nil {
		return Identity{}, err
	}
	if !slices.Contains(v.Services, s.service) {
		return Identity{}, WrongService(strings.Join(v.Services, "' or '"))
	}
	if err := s.covers(r); err != nil {
		return Identity{}, err
	}
	if err := s.timely(v.Now().UTC()); err != nil {
		return Identity{}, err
	}
	creds, known, err := v.Keys.Lookup(r.Context(), s.accessKeyID)
	if err != nil {
		return Identity{}, fmt.Errorf("look up access key %q: %w", safe(s.accessKeyID), err)
	}
	if !known {
		// The same work is done as for a known key, so that time does not tell them apart.
		creds = Credentials{Secret: unknownSecret}
	}
	want, err := s.resign(r, body, creds.Secret)
	if err != nil {
		return Identity{}, err
	}
	match := hmac.Equal([]byte(want), []byte(s.value))
	tokenMatch := hmac.Equal([]byte(creds.Token), []byte(s.token))
	switch {
	case !known || !tokenMatch:
		return Identity{}, errUnknownKey
	case !match:
		return Identity{}, errMismatch
	case !creds.Expires.IsZero() && !v.Now().Before(creds.Expires):
		return Identity{}, errExpiredToken
	}
	return Identity{AccessKeyID: s.accessKeyID, Region: s.region, Service: s.service}, nil
}

// unknownSecret has the length of a real one. Nothing is ever accepted that is signed with it.
const unknownSecret = "0000000000000000000000000000000000000000"

// covers checks that everything that decides what the request means is signed.
func (s *signature) covers(r *http.Request) error {
	need := []string{"host"}
	if !s.presigned {
		need = append(need, "x-amz-date")
	}
	for _, name := range []string{"X-Amz-Target", "X-Amz-Security-Token", "X-Amz-Content-Sha256"} {
		if _, present := r.Header[name]; present {
			need = append(need, strings.ToLower(name))
		}
	}
	for _, name := range need {
		if !slices.Contains(s.signedHeaders, name) {
			return invalid("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
		}
	}
	return nil
}

// timely checks the time of the request against the clock.
func (s *signature) timely(now time.Time) error {
	latest := now.Add(MaxSkew)
	if s.time.After(latest) {
		return invalid("Signature not yet current: %s is still later than %s (%s + 5 min.).",
			s.time.Format(timeFormat), latest.Format(timeFormat), now.Format(timeFormat))
	}
	if s.presigned {
		if end := s.time.Add(s.lifetime); now.After(end) {
			return invalid("Signature expired: %s is now earlier than %s.", end.Format(timeFormat), now.Format(timeFormat))
		}
		return nil
	}
	if earliest := now.Add(-MaxSkew); s.time.Before(earliest) {
		return invalid("Signature expired: %s is now earlier than %s (%s - 5 min.).",
			s.time.Format(timeFormat), earliest.Format(timeFormat), now.Format(timeFormat))
	}
	return nil
}

// resign returns the signature that r ought to have.
func (s *signature) resign(r *http.Request, body []byte, secret string) (string, error) {
	copied := &http.Request{Method: r.Method, Host: r.Host, URL: new(*r.URL), Header: http.Header{}}
	for _, name := range s.signedHeaders {
		switch values, ok := headerValues(r, name); {
		case name == "host":
		case !ok:
			return "", invalid("The signed header '%s' is not in the request.", safe(name))
		default:
			copied.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	in := &sigv4.SignRequestInput{
		Request:     copied,
		Credentials: credentials.Credentials{AccessKeyID: s.accessKeyID, SecretAccessKey: secret, SessionToken: s.token},
		Service:     s.service,
		Region:      s.region,
		Time:        s.time,
	}
	hash := sha256.Sum256(body)
	in.PayloadHash = hash[:]
	if s.presigned {
		in.SignatureType = v4.SignatureTypeQueryString
		query := copied.URL.Query()
		query.Del("X-Amz-Signature")
		copied.URL.RawQuery = query.Encode()
	}
	signer := sigv4.New(func(o *v4.SignerOptions) { o.HeaderRules = headerList(s.signedHeaders) })
	if err := signer.SignRequest(in); err != nil {
		return "", fmt.Errorf("sign the request again: %w", err)
	}
	return signatureOf(copied, s.presigned), nil
}

// headerValues returns the values of a header in their canonical form: runs of spaces are one.
func headerValues(r *http.Request, name string) ([]string, bool) {
	values, ok := r.Header[http.CanonicalHeaderKey(name)]
	canonical := make([]string, len(values))
	for i, value := range values {
		canonical[i] = strings.Join(strings.Fields(value), " ")
	}
	return canonical, ok
}

func signatureOf(r *http.Request, presigned bool) string {
	if presigned {
		values, _ := url.ParseQuery(r.URL.RawQuery)
		return values.Get("X-Amz-Signature")
	}
	_, value, _ := strings.Cut(r.Header.Get("Authorization"), ", Signature=")
	return value
}

// headerList signs exactly the headers in it.
type headerList []string

func (l headerList) IsSigned(name string) bool { return slices.Contains(l, name) }
