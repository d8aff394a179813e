package console

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const id, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// keys knows one access key.
type keys struct{ gone bool }

func (k *keys) Name(got string) (string, bool) { return "ann", got == id && !k.gone }

func (k *keys) Authenticate(_ context.Context, gotID, gotSecret string) error {
	if gotID != id || gotSecret != secret {
		return errors.New("denied")
	}
	return nil
}

// echo answers who calls what.
func echo(w http.ResponseWriter, r *http.Request) {
	c, ok := CallerOf(r.Context())
	_, _ = fmt.Fprintf(w, "%v %v %s %s", c, ok, r.Method, r.URL.RequestURI())
}

func packed(text string) *fstest.MapFile {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return &fstest.MapFile{Data: b.Bytes()}
}

var built = fstest.MapFS{
	"index.html.gz":      packed("<title>Slipway</title>"),
	"assets/a-1.js.gz":   packed("script"),
	"assets/font.woff2":  {Data: []byte("font")},
	"favicon.svg.gz":     packed("<svg/>"),
	"assets/sub/x.js.gz": packed("sub"),
}

func made(files fs.FS) (*Console, *keys) {
	k := &keys{}
	return &Console{
		Keys: k, About: About{Account: "123456789012", Region: "eu-west-1", Scheme: "http", Version: "v1"}, API: http.HandlerFunc(echo),
		Files: files, Log: slog.New(slog.DiscardHandler), Secret: NewSecret("root"),
	}, k
}

// ask sends a request to a console. Header is pairs of name and value.
func ask(c *Console, method, path, body string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// enter signs in and returns the session and its cookie.
func enter(t *testing.T, c *Console) (s Session, cookie string) {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"id": " " + id + " ", "secret": secret + "\n"}) // as they are pasted
	r := ask(c, http.MethodPost, "/console/session", string(body))
	if r.StatusCode != http.StatusOK || len(r.Cookies()) != 1 {
		t.Fatalf("sign-in: %s %s", r.Status, text(t, r))
	}
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	got := r.Cookies()[0]
	if !got.HttpOnly || got.SameSite != http.SameSiteStrictMode || got.Path != "/console/" || got.MaxAge != 12*60*60 || strings.Contains(got.Value, secret) {
		t.Errorf("cookie %+v", got)
	}
	return s, got.Name + "=" + got.Value
}

func TestPages(t *testing.T) {
	t.Parallel()
	c, _ := made(built)
	for _, row := range []struct {
		reason, path  string
		status        int
		body, content string
		cache         string
	}{
		{"the first page", "/", 200, "<title>Slipway</title>", "text/html; charset=utf-8", "no-cache"},
		{"a page that the script draws", "/services/web/logs", 200, "<title>Slipway</title>", "text/html; charset=utf-8", "no-cache"},
		{"the document by its name", "/index.html", 200, "<title>Slipway</title>", "text/html; charset=utf-8", "no-cache"},
		{"a script, whose name changes with it", "/assets/a-1.js", 200, "script", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"a file that is not compressed", "/assets/font.woff2", 200, "font", "font/woff2", "public, max-age=31536000, immutable"},
		{"a file beside the document", "/favicon.svg", 200, "<svg/>", "image/svg+xml", "no-cache"},
		{"a script of another build is missed, not a page", "/assets/a-2.js", 404, "404 page not found\n", "text/plain; charset=utf-8", ""},
		{"a directory is no file", "/assets/sub", 404, "404 page not found\n", "text/plain; charset=utf-8", ""},
		{"nothing outside", "/assets/../../etc/passwd", 307, "", "", ""},
	} {
		r := ask(c, http.MethodGet, row.path, "")
		if r.StatusCode != row.status {
			t.Errorf("%s: %s", row.reason, r.Status)
		}
		if row.status >= 300 && row.status < 400 {
			continue
		}
		if got := text(t, r); got != row.body || r.Header.Get("Content-Type") != row.content || row.cache != "" && r.Header.Get("Cache-Control") != row.cache {
			t.Errorf("%s: %q %v", row.reason, got, r.Header)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": policy} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", row.reason, name, got)
			}
		}
	}
	if r := ask(c, http.MethodGet, "/assets/a-1.js", "", "Accept-Encoding", "br, gzip"); r.Header.Get("Content-Encoding") != "gzip" || text(t, r) == "script" {
		t.Error("a browser that takes gzip gets the script unpacked")
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("the policy %q lets in more than the console's own", policy)
	}
	if r := ask(c, http.MethodPost, "/services", ""); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a form gets %s", r.Status)
	}
}

func TestWithoutPages(t *testing.T) {
	t.Parallel()
	c, _ := made(fstest.MapFS{})
	if r := ask(c, http.MethodGet, "/", ""); r.StatusCode != http.StatusOK || !strings.Contains(text(t, r), "built without its console") {
		t.Errorf("%s", r.Status)
	}
}
