package aws_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/source/aws"
)

const (
	host   = "111111111111.dkr.ecr.eu-west-1.amazonaws.com"
	role   = "arn:aws:iam::111111111111:role/pull"
	ownKey = "AKIAIOSFODNN7EXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// cloud stands in for STS and ECR. It verifies every signature.
type cloud struct {
	t        *testing.T
	now      time.Time
	url      string
	mu       sync.Mutex
	asked    []string // "sts AssumeRole", …
	sessions map[string]sigv4.Credentials
	fail     func(w http.ResponseWriter, service string) bool
}

func start(t *testing.T) *cloud {
	c := &cloud{t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), sessions: map[string]sigv4.Credentials{ownKey: {Secret: secret}}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// sessions are credentials by access key id.
type sessions map[string]sigv4.Credentials

func (s sessions) Lookup(_ context.Context, id string) (sigv4.Credentials, bool, error) {
	c, ok := s[id]
	return c, ok, nil
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Error(err)
	}
	service := "sts"
	if r.Header.Get("X-Amz-Target") != "" {
		service = "ecr"
	}
	if c.fail != nil && c.fail(w, service) {
		return
	}
	who, err := (&sigv4.Verifier{Keys: sessions(c.sessions), Services: []string{service}, Now: func() time.Time { return c.now }}).Verify(r, body)
	if err != nil || who.Region != "eu-west-1" {
		c.t.Errorf("call of %s by %+v: %v", service, who, err)
		http.Error(w, "not signed", http.StatusForbidden)
		return
	}
	c.asked = append(c.asked, service+" "+who.AccessKeyID)
	if service == "sts" {
		c.assume(w, body)
	} else {
		c.token(w, r, body)
	}
}

func (c *cloud) assume(w http.ResponseWriter, body []byte) {
	form, err := url.ParseQuery(string(body))
	want := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {"slipway"}, "DurationSeconds": {"900"}}
	if diff := cmp.Diff(want, form); err != nil || diff != "" {
		c.t.Errorf("AssumeRole was asked with %s, %v", diff, err)
	}
	c.sessions["ASIASESSION"] = sigv4.Credentials{Secret: "session secret", Token: "session token"}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprint(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::111111111111:assumed-role/pull/slipway</Arn><AssumedRoleId>AROA:slipway</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>ASIASESSION</AccessKeyId><SecretAccessKey>session secret</SecretAccessKey><SessionToken>session token</SessionToken>
<Expiration>2026-11-23T12:15:00Z</Expiration></Credentials></AssumeRoleResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>`)
}

func (c *cloud) token(w http.ResponseWriter, r *http.Request, body []byte) {
	var in struct{ RegistryIds []string }
	if err := json.Unmarshal(body, &in); err != nil || len(in.RegistryIds) != 1 || in.RegistryIds[0] != "111111111111" {
		c.t.Errorf("GetAuthorizationToken was asked with %s, %v", body, err)
	}
	if target := r.Header.Get("X-Amz-Target"); target != "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken" {
		c.t.Errorf("the target is %q", target)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_, _ = fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q,"expiresAt":%d.5,"proxyEndpoint":"https://%s"}]}`,
		base64.StdEncoding.EncodeToString([]byte("AWS:pass:word")), c.now.Add(12*time.Hour).Unix(), host)
}

func (c *cloud) logins(credentials aws.Credentials) *aws.Logins {
	return &aws.Logins{
		Credentials: func() (aws.Credentials, error) { return credentials, nil },
		Endpoint:    func(string, string) string { return c.url },
		Now:         func() time.Time { return c.now },
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	c := start(t)
	l := c.logins(aws.Credentials{KeyID: ownKey, Secret: secret})
	login := func(role string) {
		t.Helper()
		user, password, err := l.Login(t.Context(), host, role)
		if err != nil || user != "AWS" || password != "pass:word" {
			t.Fatalf("got %q, %q, %v", user, password, err)
		}
	}
	login(role)
	login(role) // remembered
	want := []string{"sts " + ownKey, "ecr ASIASESSION"}
	if diff := cmp.Diff(want, c.asked); diff != "" {
		t.Errorf("asked: %s", diff)
	}
	login("") // as this machine itself
	c.now = c.now.Add(11*time.Hour + 45*time.Minute)
	login(role) // not good for long enough
	want = append(want, "ecr "+ownKey, "sts "+ownKey, "ecr ASIASESSION")
	if diff := cmp.Diff(want, c.asked); diff != "" {
		t.Errorf("asked: %s", diff)
	}
}

func TestLogin_Failures(t *testing.T) {
	t.Parallel()
	say := func(service string, status int, body string) func(http.ResponseWriter, string) bool {
		return func(w http.ResponseWriter, asked string) bool {
			if asked != service {
				return false
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	for _, tt := range []struct {
		reason string
		fail   func(http.ResponseWriter, string) bool
		code   engine.Code
		words  []string
	}{
		{"the role does not trust this machine", say("sts", 403, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User x is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`),
			engine.AccessDenied, []string{role, "AccessDenied: User x is not authorized"}},
		{"the credentials of this machine have ended", say("sts", 403, `<ErrorResponse><Error><Code>ExpiredToken</Code><Message>expired</Message></Error></ErrorResponse>`),
			engine.AccessDenied, []string{role, "ExpiredToken: expired"}},
		{"the role may not pull", say("ecr", 400, `{"__type":"com.amazonaws.ecr#AccessDeniedException","message":"no"}`),
			engine.AccessDenied, []string{host, "AccessDeniedException: no"}},
		{"throttled", say("ecr", 400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`), engine.Unavailable, []string{"Rate exceeded"}},
		{"broken", say("sts", 503, `<html>`), engine.Unavailable, []string{"503 Service Unavailable"}},
		{"an answer of something else", say("sts", 200, `<html/>`), engine.Unavailable, []string{"cannot be read"}},
		{"no token", say("ecr", 200, `{}`), engine.Unavailable, []string{"cannot be read"}},
		{"a token of another form", say("ecr", 200, `{"authorizationData":[{"authorizationToken":"eA=="}]}`), engine.Unavailable, []string{"not base64 of user:password"}},
	} {
		c := start(t)
		c.fail = tt.fail
		_, _, err := c.logins(aws.Credentials{KeyID: ownKey, Secret: secret}).Login(t.Context(), host, role)
		if !engine.Is(err, tt.code) {
			t.Errorf("%s: %v", tt.reason, err)
			continue
		}
		if got, want := errors.Is(err, aws.ErrRole), tt.reason == "the role does not trust this machine"; got != want {
			t.Errorf("%s: the role is to blame: %v", tt.reason, got)
		}
		for _, words := range tt.words {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v, want %q", tt.reason, err, words)
			}
		}
	}
}

func TestLogin_WithoutCredentials(t *testing.T) {
	t.Parallel()
	l := &aws.Logins{Credentials: func() (aws.Credentials, error) { return aws.Credentials{}, aws.ErrNone }}
	_, _, err := l.Login(t.Context(), host, role)
	if !engine.Is(err, engine.AccessDenied) || !strings.Contains(err.Error(), "set AWS_ACCESS_KEY_ID") || !strings.Contains(err.Error(), "slipway registry login "+host) {
		t.Errorf("got %v", err)
	}
	if _, _, err := l.Login(t.Context(), "ghcr.io", role); !engine.Is(err, engine.AccessDenied) {
		t.Errorf("got %v", err)
	}
}

func TestFromMachine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	if _, err := aws.FromMachine(); !errors.Is(err, aws.ErrNone) {
		t.Errorf("without a file: %v", err)
	}
	text := "# mine\n[default]\naws_access_key_id=A1\naws_secret_access_key = s=1/+\n\n[ other ]\naws_access_key_id = A2\n; x\naws_secret_access_key = s2\naws_session_token = t2\n[empty]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(want aws.Credentials) {
		t.Helper()
		if got, err := aws.FromMachine(); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	check(aws.Credentials{KeyID: "A1", Secret: "s=1/+"})
	t.Setenv("AWS_PROFILE", "other")
	check(aws.Credentials{KeyID: "A2", Secret: "s2", Token: "t2"})
	t.Setenv("AWS_PROFILE", "empty")
	if _, err := aws.FromMachine(); !errors.Is(err, aws.ErrNone) || !strings.Contains(err.Error(), `"empty"`) {
		t.Errorf("with an empty profile: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "A3")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3")
	check(aws.Credentials{KeyID: "A3", Secret: "s3"})
}
