package sigv4

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
	v4 "github.com/aws/smithy-go/aws-http-auth/v4"
)

// Sign signs r, whose body must be given in full, in its Authorization header. The signature covers
// the host and every X-Amz and Content-Type header that is set by now.
func Sign(r *http.Request, body []byte, accessKeyID, secret, region, service string, now time.Time) error {
	hash := sha256.Sum256(body)
	err := sigv4.New(func(o *v4.SignerOptions) { o.HeaderRules = meaningful{} }).SignRequest(&sigv4.SignRequestInput{
		Request:     r,
		PayloadHash: hash[:],
		Credentials: credentials.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secret},
		Service:     service,
		Region:      region,
		Time:        now,
	})
	if err != nil {
		return fmt.Errorf("sign the request to %q: %w", r.URL.Redacted(), err)
	}
	return nil
}

// meaningful are the headers that change what a request means.
type meaningful struct{}

func (meaningful) IsSigned(name string) bool {
	return name == "host" || name == "content-type" || len(name) > 6 && name[:6] == "x-amz-"
}

// Static is a fixed set of lasting keys: access key id to secret.
type Static map[string]string

// Lookup implements Keys.
func (s Static) Lookup(_ context.Context, accessKeyID string) (Credentials, bool, error) {
	secret, ok := s[accessKeyID]
	return Credentials{Secret: secret}, ok, nil
}
