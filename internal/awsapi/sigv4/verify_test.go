package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	smithy "github.com/aws/smithy-go/aws-http-auth/sigv4"
	v4 "github.com/aws/smithy-go/aws-http-auth/v4"
)

const (
	testKey    = "AKIAIOSFODNN7EXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

var testNow = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func testVerifier() *Verifier {
	return &Verifier{
		Keys:     Static{testKey: testSecret},
		Services: []string{"apprunner"},
		Now:      func() time.Time { return testNow },
	}
}

// received is the request as a server sees it: what net/http parses from the wire.
func received(t *testing.T, out *http.Request) *http.Request {
	t.Helper()
	var in *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { in = r }))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	out.URL.Host = u.Host // where to dial; the Host header stays that of out.Host
	res, err := server.Client().Do(out)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return in
}

func newRequest(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, "http://slipway.test:7420"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "slipway.test:7420"
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AppRunner.ListServices")
	return r
}

func signed(t *testing.T, body string) *http.Request {
	t.Helper()
	r := newRequest(t, http.MethodPost, "/", body)
	if err := Sign(r, []byte(body), testKey, testSecret, "eu-west-1", "apprunner", testNow); err != nil {
		t.Fatal(err)
	}
	return r
}

func presigned(t *testing.T, expires string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://slipway.test:7420/a%20b/c?z=1&b=x+y&b=a&X-Amz-Expires="+expires, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "slipway.test:7420"
	hash := sha256.Sum256(nil)
	err = smithy.New().SignRequest(&smithy.SignRequestInput{
		Request: r, PayloadHash: hash[:], Service: "apprunner", Region: "eu-west-1", Time: testNow,
		Credentials:   credentials.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret},
		SignatureType: v4.SignatureTypeQueryString,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerifyAcceptsWhatSignMakes(t *testing.T) {
	for name, body := range map[string]string{"empty": "", "object": `{"MaxResults":1}`, "binary": "\x00\xff"} {
		t.Run(name, func(t *testing.T) {
			r := received(t, signed(t, body))
			got, err := testVerifier().Verify(r, []byte(body))
			if want := (Identity{testKey, "eu-west-1", "apprunner"}); err != nil || got != want {
				t.Fatalf("Verify = %v, %v; want %v", got, err, want)
			}
		})
	}
}

func TestVerifyAcceptsPresigned(t *testing.T) {
	r := received(t, presigned(t, "60"))
	if _, err := testVerifier().Verify(r, nil); err != nil {
		t.Fatal(err)
	}
}

// Published by AWS with the description of the algorithm. They hold Verify to more than the signer
// that it is built on.
func TestVerifyPublishedVectors(t *testing.T) {
	const scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
	tests := []struct{ name, method, auth string }{
		{"get-vanilla", http.MethodGet, scope + "SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"post-vanilla", http.MethodPost, scope + "SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"no spaces after commas", http.MethodGet, strings.ReplaceAll(scope+"SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", ", ", ",")},
	}
	v := &Verifier{
		Keys:     Static{"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
		Services: []string{"service"},
		Now:      func() time.Time { return time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC) },
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			r.Host = "example.amazonaws.com"
			r.Header.Set("X-Amz-Date", "20150830T123600Z")
			r.Header.Set("Authorization", tt.auth)
			if _, err := v.Verify(r, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestVerifyRefusesHeaders(t *testing.T) {
	const body = `{"MaxResults":1}`
	resign := func(t *testing.T, r *http.Request, secret, service string, at time.Time) {
		if err := Sign(r, []byte(body), testKey, secret, "eu-west-1", service, at); err != nil {
			t.Fatal(err)
		}
	}
	authorization := func(old, new string) func(*testing.T, *http.Request) {
		return func(t *testing.T, r *http.Request) {
			before := r.Header.Get("Authorization")
			after := strings.Replace(before, old, new, 1)
			if before == after {
				t.Fatalf("%q is not in %q", old, before)
			}
			r.Header.Set("Authorization", after)
		}
	}
	set := func(name, value string) func(*testing.T, *http.Request) {
		return func(_ *testing.T, r *http.Request) { r.Header.Set(name, value) }
	}
	tests := []struct {
		reason string
		change func(*testing.T, *http.Request)
		code   string
		says   string
	}{
		{"no signature", func(_ *testing.T, r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException", "not signed"},
		{"another target", set("X-Amz-Target", "AppRunner.DeleteService"), "InvalidSignatureException", "does not match"},
		{"another content type", set("Content-Type", "application/x-amz-json-1.1"), "InvalidSignatureException", "does not match"},
		{"another host", func(_ *testing.T, r *http.Request) { r.Host = "other.test" }, "InvalidSignatureException", "does not match"},
		{"another path", func(_ *testing.T, r *http.Request) { r.URL.Path = "/admin" }, "InvalidSignatureException", "does not match"},
		{"a query", func(_ *testing.T, r *http.Request) { r.URL.RawQuery = "x=1" }, "InvalidSignatureException", "does not match"},
		{"a query that net/url drops", func(_ *testing.T, r *http.Request) { r.URL.RawQuery = "x=1;y=2" }, "IncompleteSignatureException", "query string"},
		{"another method", func(_ *testing.T, r *http.Request) { r.Method = http.MethodPut }, "InvalidSignatureException", "does not match"},
		{"another time", set("X-Amz-Date", "20260304T050608Z"), "InvalidSignatureException", "does not match"},
		{"a time of another day", set("X-Amz-Date", "20260305T000000Z"), "InvalidSignatureException", "Date in Credential scope"},
		{"no time", func(_ *testing.T, r *http.Request) { r.Header.Del("X-Amz-Date") }, "IncompleteSignatureException", "X-Amz-Date"},
		{"a time in another form", set("X-Amz-Date", "2026-03-04T05:06:07Z"), "IncompleteSignatureException", "X-Amz-Date"},
		{"two times", func(_ *testing.T, r *http.Request) { r.Header.Add("X-Amz-Date", "20260304T050607Z") }, "IncompleteSignatureException", "more than one"},
		{"a signed header taken away", func(_ *testing.T, r *http.Request) { r.Header.Del("X-Amz-Target") }, "InvalidSignatureException", "not in the request"},
		{"the host not signed", authorization("host;", ""), "InvalidSignatureException", "'host' must be"},
		{"the time not signed", authorization("x-amz-date;", ""), "InvalidSignatureException", "'x-amz-date' must be"},
		{"the target not signed", authorization(";x-amz-target", ""), "InvalidSignatureException", "'x-amz-target' must be"},
		{"a header taken out of the signature", authorization("content-type;", ""), "InvalidSignatureException", "does not match"},
		{"a session token slipped in", set("X-Amz-Security-Token", "x"), "InvalidSignatureException", "'x-amz-security-token' must be"},
		{"an unsigned payload slipped in", set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), "InvalidSignatureException", "'x-amz-content-sha256' must be"},
		{"another Region", authorization("eu-west-1", "us-east-1"), "InvalidSignatureException", "does not match"},
		{"a Region that would be two parts of an ARN", authorization("eu-west-1", "eu-west-1:1"), "InvalidSignatureException", "scoped to a valid region"},
		{"a Region that would be two labels of a host", authorization("eu-west-1", "eu.west-1"), "InvalidSignatureException", "scoped to a valid region"},
		{"a Region that is a pattern", authorization("eu-west-1", "*"), "InvalidSignatureException", "scoped to a valid region"},
		{"a service that is not served", authorization("/apprunner/", "/s3/"), "InvalidSignatureException", "correct service: 'apprunner'"},
		{"another terminator", authorization("aws4_request", "aws5_request"), "InvalidSignatureException", "terminator"},
		{"another date in the scope", authorization("/20260304/", "/20260305/"), "InvalidSignatureException", "Date in Credential scope"},
		{"an unknown key", authorization(testKey, "AKIAIOSFODNN7EXAMPLF"), "UnrecognizedClientException", "security token"},
		{"a short scope", authorization("/aws4_request", ""), "IncompleteSignatureException", "Credential must have"},
		{"an empty Region", authorization("/eu-west-1/", "//"), "IncompleteSignatureException", "Credential must have"},
		{"a short signature", authorization("Signature=", "Signature=0"), "IncompleteSignatureException", "64"},
		{"no signature value", func(_ *testing.T, r *http.Request) {
			a, _, _ := strings.Cut(r.Header.Get("Authorization"), ", Signature=")
			r.Header.Set("Authorization", a)
		}, "IncompleteSignatureException", "requires 'Signature'"},
		{"a parameter twice", authorization("SignedHeaders=", "Credential=x, SignedHeaders="), "IncompleteSignatureException", "twice"},
		{"unsorted signed headers", authorization("content-type;host", "host;content-type"), "IncompleteSignatureException", "sorted"},
		{"upper-case signed headers", authorization("content-type;host", "Content-Type;host"), "IncompleteSignatureException", "lower-case"},
		{"a signed header twice", authorization("host;", "host;host;"), "IncompleteSignatureException", "SignedHeaders"},
		{"another algorithm", authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "IncompleteSignatureException", "AWS4-HMAC-SHA256"},
		{"a password", set("Authorization", "Basic dXNlcjpwYXNz"), "IncompleteSignatureException", "AWS4-HMAC-SHA256"},
		{"garbage", set("Authorization", "AWS4-HMAC-SHA256 ,,=,"), "IncompleteSignatureException", "name=value"},
		{"two signatures", func(_ *testing.T, r *http.Request) { r.Header.Add("Authorization", "x") }, "IncompleteSignatureException", "more than one"},
		{"a second signature in the query", func(_ *testing.T, r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=x" }, "IncompleteSignatureException", "twice"},
		{"the wrong secret", func(t *testing.T, r *http.Request) { resign(t, r, testSecret+"x", "apprunner", testNow) }, "InvalidSignatureException", "does not match"},
		{"the secret of an unknown key", func(t *testing.T, r *http.Request) {
			resign(t, r, unknownSecret, "apprunner", testNow)
			authorization(testKey, "AKIAIOSFODNN7EXAMPLF")(t, r)
		}, "UnrecognizedClientException", "security token"},
		{"too old", func(t *testing.T, r *http.Request) {
			resign(t, r, testSecret, "apprunner", testNow.Add(-MaxSkew-time.Second))
		}, "InvalidSignatureException", "Signature expired: 20260304T050106Z is now earlier than 20260304T050107Z (20260304T050607Z - 5 min.)."},
		{"too new", func(t *testing.T, r *http.Request) {
			resign(t, r, testSecret, "apprunner", testNow.Add(MaxSkew+time.Second))
		}, "InvalidSignatureException", "Signature not yet current: 20260304T051108Z is still later than 20260304T051107Z (20260304T050607Z + 5 min.)."},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			r := signed(t, body)
			tt.change(t, r)
			_, err := testVerifier().Verify(r, []byte(body))
			wantError(t, err, tt.code, tt.says)
		})
	}
	t.Run("another body", func(t *testing.T) {
		_, err := testVerifier().Verify(signed(t, body), []byte(`{"MaxResults":2}`))
		wantError(t, err, "InvalidSignatureException", "does not match")
	})
}

func TestVerifyTakesClocksThatAreALittleOff(t *testing.T) {
	for _, off := range []time.Duration{-MaxSkew, -time.Minute, time.Minute, MaxSkew} {
		r := newRequest(t, http.MethodPost, "/", "")
		if err := Sign(r, nil, testKey, testSecret, "eu-west-1", "apprunner", testNow.Add(off)); err != nil {
			t.Fatal(err)
		}
		if _, err := testVerifier().Verify(r, nil); err != nil {
			t.Errorf("a clock that is off by %v: %v", off, err)
		}
	}
}

func TestVerifyRefusesPresigned(t *testing.T) {
	change := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			q.Set(name, value)
			if value == "" {
				q.Del(name)
			}
			r.URL.RawQuery = q.Encode()
		}
	}
	tests := []struct {
		reason  string
		expires string
		now     time.Time
		change  func(*http.Request)
		code    string
		says    string
	}{
		{"expired", "60", testNow.Add(61 * time.Second), nil, "InvalidSignatureException", "Signature expired"},
		{"not yet current", "60", testNow.Add(-MaxSkew - time.Second), nil, "InvalidSignatureException", "not yet current"},
		{"a longer life", "60", testNow, change("X-Amz-Expires", "61"), "InvalidSignatureException", "does not match"},
		{"longer than a week", "604801", testNow, nil, "IncompleteSignatureException", "X-Amz-Expires"},
		{"no life", "60", testNow, change("X-Amz-Expires", ""), "IncompleteSignatureException", "X-Amz-Expires"},
		{"another parameter", "60", testNow, change("z", "2"), "InvalidSignatureException", "does not match"},
		{"another path", "60", testNow, func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/x", "" }, "InvalidSignatureException", "does not match"},
		{"a target slipped in", "60", testNow, func(r *http.Request) { r.Header.Set("X-Amz-Target", "AppRunner.DeleteService") }, "InvalidSignatureException", "'x-amz-target' must be"},
		{"no signature", "60", testNow, change("X-Amz-Signature", ""), "IncompleteSignatureException", "X-Amz-Signature"},
		{"a signature twice", "60", testNow, func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Signature=x" }, "IncompleteSignatureException", "twice"},
		{"another algorithm", "60", testNow, change("X-Amz-Algorithm", "none"), "IncompleteSignatureException", "X-Amz-Algorithm"},
		{"a session token slipped in", "60", testNow, change("X-Amz-Security-Token", "x"), "UnrecognizedClientException", "security token"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			r := presigned(t, tt.expires)
			if tt.change != nil {
				tt.change(r)
			}
			v := testVerifier()
			v.Now = func() time.Time { return tt.now }
			_, err := v.Verify(r, nil)
			wantError(t, err, tt.code, tt.says)
		})
	}
}

// What is signed in the query covers the body too.
func TestVerifyRefusesPresignedWithAnotherBody(t *testing.T) {
	_, err := testVerifier().Verify(received(t, presigned(t, "60")), []byte(`{"MaxResults":1}`))
	wantError(t, err, "InvalidSignatureException", "does not match")
}

func wantError(t *testing.T, err error, code, says string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error = %v, want a %s", err, code)
	}
	if e.Code != code || e.Status != http.StatusForbidden || !strings.Contains(e.Message, says) {
		t.Errorf("error = %s %d %q, want %s 403 with %q", e.Code, e.Status, e.Message, code, says)
	}
	if strings.Contains(e.Message, testSecret) {
		t.Errorf("the message %q tells the secret", e.Message)
	}
}

type keysFunc func(string) (Credentials, bool, error)

func (f keysFunc) Lookup(_ context.Context, id string) (Credentials, bool, error) { return f(id) }

func TestVerifyTemporaryCredentials(t *testing.T) {
	tests := []struct {
		reason  string
		token   string
		expires time.Time
		code    string // "" for accepted
	}{
		{"the right token", "token", testNow.Add(time.Second), ""},
		{"no end", "token", time.Time{}, ""},
		{"another token", "other", testNow.Add(time.Hour), "UnrecognizedClientException"},
		{"no token", "", testNow.Add(time.Hour), "UnrecognizedClientException"},
		{"expired", "token", testNow, "ExpiredTokenException"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			r := newRequest(t, http.MethodPost, "/", "")
			hash := sha256.Sum256(nil)
			err := smithy.New(func(o *v4.SignerOptions) { o.HeaderRules = meaningful{} }).SignRequest(&smithy.SignRequestInput{
				Request: r, PayloadHash: hash[:], Service: "apprunner", Region: "eu-west-1", Time: testNow,
				Credentials: credentials.Credentials{AccessKeyID: "ASIAX", SecretAccessKey: testSecret, SessionToken: tt.token},
			})
			if err != nil {
				t.Fatal(err)
			}
			v := testVerifier()
			v.Keys = keysFunc(func(string) (Credentials, bool, error) {
				return Credentials{Secret: testSecret, Token: "token", Expires: tt.expires}, true, nil
			})
			switch _, err = v.Verify(r, nil); {
			case tt.code == "" && err != nil:
				t.Fatal(err)
			case tt.code != "":
				wantError(t, err, tt.code, "security token")
			}
		})
	}
}

func TestVerifyReportsAFailedLookup(t *testing.T) {
	v, broken := testVerifier(), errors.New("disk on fire")
	v.Keys = keysFunc(func(string) (Credentials, bool, error) { return Credentials{}, false, broken })
	_, err := v.Verify(signed(t, ""), nil)
	if _, caller := errors.AsType[*Error](err); caller || !errors.Is(err, broken) {
		t.Fatalf("error = %v, want the failure of the lookup and no *Error", err)
	}
}

func TestVerifyCanonicalHeaderValues(t *testing.T) {
	r := newRequest(t, http.MethodPost, "/", "")
	r.Header.Set("X-Amz-Note", "a b c")
	if err := Sign(r, nil, testKey, testSecret, "eu-west-1", "apprunner", testNow); err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Note", "  a   b c ") // the same value to the algorithm
	if _, err := testVerifier().Verify(r, nil); err != nil {
		t.Fatal(err)
	}
}

// What clients sign differs; AWS takes all of these.
func TestVerifyTakesWhatClientsSign(t *testing.T) {
	clients := map[string]headerList{
		"Go SDK":     {"amz-sdk-invocation-id", "amz-sdk-request", "content-length", "content-type", "host", "x-amz-date", "x-amz-target"},
		"PHP SDK":    {"host", "x-amz-date", "x-amz-target"},
		"JavaScript": {"content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-target"},
	}
	for name, headers := range clients {
		t.Run(name, func(t *testing.T) {
			const body = "{}"
			r := newRequest(t, http.MethodPost, "/", body)
			hash := sha256.Sum256([]byte(body))
			r.Header.Set("Content-Length", "2")
			r.Header.Set("Amz-Sdk-Invocation-Id", "1")
			r.Header.Set("Amz-Sdk-Request", "attempt=1; max=3")
			if slices.Contains(headers, "x-amz-content-sha256") {
				r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(hash[:]))
			}
			err := smithy.New(func(o *v4.SignerOptions) { o.HeaderRules = headers }).SignRequest(&smithy.SignRequestInput{
				Request: r, PayloadHash: hash[:], Service: "apprunner", Region: "eu-west-1", Time: testNow,
				Credentials: credentials.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret},
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := testVerifier().Verify(received(t, r), []byte(body)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=A/20260304/r/apprunner/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64), "20260304T050607Z", "")
	f.Add("AWS4-HMAC-SHA256 Credential=Signature=/20260304/r/apprunner/aws4_request,SignedHeaders=host;x-amz-date,Signature=x", "", "a=b")
	f.Add("", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20260304%2Fr%2Fapprunner%2Faws4_request&X-Amz-Date=20260304T050607Z&X-Amz-Expires=5&X-Amz-SignedHeaders=host&X-Amz-Signature="+strings.Repeat("0", 64))
	v := testVerifier()
	f.Fuzz(func(t *testing.T, authorization, date, query string) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(nil))
		r.URL.RawQuery = query
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		// Nobody can guess a signature: every answer is a refusal with a name.
		id, err := v.Verify(r, nil)
		if e, ok := errors.AsType[*Error](err); !ok || e.Status != http.StatusForbidden || id != (Identity{}) {
			t.Fatalf("Verify = %v, %v", id, err)
		}
	})
}
