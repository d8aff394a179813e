package aws_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/source/aws"
)

// vaults stands in for Secrets Manager and the Parameter Store, and leaves STS to the cloud.
func vaults(t *testing.T, c *cloud) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		service, _, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "Amazon")), ".")
		if service == "" {
			c.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		who, err := (&sigv4.Verifier{Keys: sessions(c.sessions), Services: []string{service}, Now: c.logins(aws.Credentials{}).Now}).Verify(r, body)
		if err != nil || who.AccessKeyID != "ASIASESSION" {
			t.Errorf("call of %s by %+v: %v", service, who, err)
		}
		var in struct {
			SecretId, VersionStage, Name string
			WithDecryption               bool
		}
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		switch {
		case in.SecretId == "text" && in.VersionStage == "AWSPREVIOUS":
			_, _ = fmt.Fprint(w, `{"SecretString":"of a secret"}`)
		case in.SecretId == "bytes":
			_, _ = fmt.Fprint(w, `{"SecretBinary":"b2YgYnl0ZXM="}`)
		case in.Name == "/p" && in.WithDecryption:
			_, _ = fmt.Fprint(w, `{"Parameter":{"Value":"of a parameter"}}`)
		default:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"__type":"ResourceNotFoundException","message":"nothing"}`)
		}
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	c := start(t)
	server := httptest.NewServer(vaults(t, c))
	t.Cleanup(server.Close)
	c.url = server.URL
	s := &aws.Secrets{Logins: aws.Logins{
		Credentials: c.logins(aws.Credentials{KeyID: ownKey, Secret: secret}).Credentials, Endpoint: func(string, string) string { return c.url }, Now: c.logins(aws.Credentials{}).Now,
	}}
	if v, err := s.Secret(t.Context(), role, "eu-west-1", "text", "AWSPREVIOUS", ""); err != nil || *v.Text != "of a secret" {
		t.Errorf("a secret: %v", err)
	}
	if v, err := s.Secret(t.Context(), role, "eu-west-1", "bytes", "", ""); err != nil || string(v.Binary) != "of bytes" {
		t.Errorf("bytes: %v", err)
	}
	if v, err := s.Parameter(t.Context(), role, "eu-west-1", "/p"); err != nil || *v.Text != "of a parameter" {
		t.Errorf("a parameter: %v", err)
	}
	if _, err := s.Secret(t.Context(), role, "eu-west-1", "none", "", ""); err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException: nothing") || !strings.Contains(err.Error(), role) {
		t.Errorf("nothing: %v", err)
	}
	s.Logins.Credentials = func() (aws.Credentials, error) { return aws.Credentials{}, aws.ErrNone }
	if _, err := s.Parameter(t.Context(), role, "eu-west-1", "/p"); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("without credentials: %v", err)
	}
}
