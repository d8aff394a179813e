package sigv4

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// vector is a request of the test suite that AWS published for Signature Version 4, with the
// signature that belongs to it.
type vector struct {
	name, method, target, body string
	headers                    [][2]string // beside the host and the time
	signed                     string
	signature                  string
}

var vectors = []vector{
	{"get-vanilla", "GET", "/", "", nil, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-vanilla-empty-query-key", "GET", "/?Param1=value1", "", nil, "host;x-amz-date", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
	{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", "", nil, "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", nil, "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
	{"get-header-value-trim", "GET", "/", "", [][2]string{{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}, "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
	{"post-vanilla", "POST", "/", "", nil, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"post-vanilla-query", "POST", "/?Param1=value1", "", nil, "host;x-amz-date", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
	{"post-header-key-sort", "POST", "/", "", [][2]string{{"My-Header1", "value1"}}, "host;my-header1;x-amz-date", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
	{"post-header-value-case", "POST", "/", "", [][2]string{{"My-Header1", "VALUE1"}}, "host;my-header1;x-amz-date", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
	{"post-x-www-form-urlencoded", "POST", "/", "Param1=value1", [][2]string{{"Content-Type", "application/x-www-form-urlencoded"}}, "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
}

func (v vector) request() *http.Request {
	r := httptest.NewRequest(v.method, v.target, strings.NewReader(v.body))
	r.Host = "example.amazonaws.com"
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	for _, h := range v.headers {
		r.Header.Add(h[0], h[1])
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="+v.signed+", Signature="+v.signature)
	return r
}

func suiteVerifier() *Verifier {
	return &Verifier{
		Keys:     Static{"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
		Services: []string{"service"},
		Now:      func() time.Time { return time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC) },
	}
}

// Whatever is altered of a request after it was signed, the signature fits no more.
func TestVerifyPublishedSuite(t *testing.T) {
	authorization := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	flip := func(r *http.Request) { // the last digit of the signature
		a := r.Header.Get("Authorization")
		last := map[bool]string{true: "1", false: "0"}[strings.HasSuffix(a, "0")]
		r.Header.Set("Authorization", a[:len(a)-1]+last)
	}
	alterations := map[string]func(*http.Request){
		"method":               func(r *http.Request) { r.Method = http.MethodPut },
		"path":                 func(r *http.Request) { r.URL.Path += "x" },
		"a query added":        func(r *http.Request) { r.URL.RawQuery += "&Param9=" },
		"host":                 func(r *http.Request) { r.Host = "example.amazonaws.com.evil" },
		"time":                 func(r *http.Request) { r.Header.Set("X-Amz-Date", "20150830T123601Z") },
		"day":                  func(r *http.Request) { r.Header.Set("X-Amz-Date", "20150831T000000Z") },
		"day in the scope":     authorization("/20150830/", "/20150829/"),
		"Region in the scope":  authorization("/us-east-1/", "/us-west-2/"),
		"service in the scope": authorization("/service/", "/other/"),
		"end of the scope":     authorization("/aws4_request", "/aws3_request"),
		"access key":           authorization("AKIDEXAMPLE", "AKIDEXAMPLF"),
		"algorithm":            authorization("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
		"host not signed":      authorization("host;", ""),
		"time not signed":      authorization(";x-amz-date", ""),
		"a header not there":   authorization("host;", "host;x-absent;"),
		"signature":            flip,
		"no signature":         func(r *http.Request) { r.Header.Del("Authorization") },
		"a token slipped in":   func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "t") },
		"a signed header":      func(r *http.Request) { r.Header.Set("My-Header1", "other"); r.Header.Set("Content-Type", "text/plain") },
		"a value added":        func(r *http.Request) { r.Header.Add("My-Header1", "other"); r.Header.Add("Content-Type", "text/plain") },
	}
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			if _, err := suiteVerifier().Verify(v.request(), []byte(v.body)); err != nil {
				t.Fatal(err)
			}
			for what, alter := range alterations {
				if len(v.headers) == 0 && (what == "a signed header" || what == "a value added") {
					continue // none of them is signed here
				}
				r := v.request()
				alter(r)
				if id, err := suiteVerifier().Verify(r, []byte(v.body)); err == nil || id != (Identity{}) {
					t.Errorf("altered %s: %v, %v", what, id, err)
				}
			}
			if _, err := suiteVerifier().Verify(v.request(), []byte(v.body+" ")); err == nil {
				t.Error("altered body")
			}
			for _, off := range []time.Duration{-MaxSkew - time.Second, MaxSkew + time.Second, 24 * time.Hour, -24 * time.Hour} {
				late := suiteVerifier()
				late.Now = func() time.Time { return suiteVerifier().Now().Add(off) }
				if _, err := late.Verify(v.request(), []byte(v.body)); err == nil {
					t.Errorf("replayed after %v", off)
				}
			}
			other := suiteVerifier()
			other.Keys = Static{"AKIDEXAMPLE": "another"}
			if _, err := other.Verify(v.request(), []byte(v.body)); err == nil {
				t.Error("verified with another secret")
			}
		})
	}
}
