// Package githost is a host of Git repositories for tests: real repositories behind a real Git server,
// over http and ssh, with LFS, and with as much of the HTTP APIs of GitHub, GitLab, Bitbucket and Gitea
// as Slipway uses. The APIs answer as their documentation says; the real hosts cannot be reached by tests.
package githost

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Host is a running host. Its state may be changed while it runs, with the lock held.
type Host struct {
	t      testing.TB
	Dir    string // has the bare repositories
	Server *httptest.Server
	URL    string // without a slash at the end

	sync.Mutex
	// Tokens are the passwords that open private repositories and the API, whatever the user is.
	Tokens   map[string]bool
	private  map[string]bool // owner/name
	Broken   int             // this many requests of Git are answered with 503 first
	requests []Request
	lfs      map[string][]byte
	API      API
}

// Request is a request that came.
type Request struct{ Method, Path, Authorization, Body string }

// New starts a host without TLS.
func New(t testing.TB) *Host { return start(t, httptest.NewServer) }

// NewTLS starts a host with TLS. Its certificate is Server.Certificate().
func NewTLS(t testing.TB) *Host { return start(t, httptest.NewTLSServer) }

func start(t testing.TB, serve func(http.Handler) *httptest.Server) *Host {
	t.Helper()
	h := &Host{t: t, Dir: t.TempDir(), Tokens: map[string]bool{}, private: map[string]bool{}, lfs: map[string][]byte{}}
	h.API.reset()
	mux := http.NewServeMux()
	mux.HandleFunc("/", h.git)
	h.serveAPI(mux)
	h.Server = serve(mux)
	h.URL = h.Server.URL
	t.Cleanup(h.Server.Close)
	return h
}

// Requests returns what came since the last call.
func (h *Host) Requests() []Request {
	h.Lock()
	defer h.Unlock()
	all := h.requests
	h.requests = nil
	return all
}

func (h *Host) note(r *http.Request, body string) {
	h.requests = append(h.requests, Request{r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), body})
}

// git serves repositories by git's own server.
func (h *Host) git(w http.ResponseWriter, r *http.Request) {
	owner, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	name, _, _ := strings.Cut(rest, "/")
	repository := owner + "/" + strings.TrimSuffix(name, ".git")
	_, token, _ := r.BasicAuth()
	h.Lock()
	h.note(r, "")
	broken := h.Broken > 0
	if broken {
		h.Broken--
	}
	closed := h.private[repository] && !h.Tokens[token]
	h.Unlock()
	switch {
	case broken:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case closed:
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case strings.Contains(r.URL.Path, "/info/lfs/"):
		h.large(w, r)
	default:
		if _, err := os.Stat(filepath.Join(h.Dir, repository+".git")); err != nil {
			http.NotFound(w, r)
			return
		}
		r.URL.Path = strings.Replace(r.URL.Path, "/"+owner+"/"+name, "/"+repository+".git", 1)
		backend := &cgi.Handler{
			Path: backend(h.t), Dir: h.Dir, Stderr: io.Discard,
			Env: []string{"GIT_PROJECT_ROOT=" + h.Dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"),
				"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "REMOTE_USER=test"},
		}
		backend.ServeHTTP(w, r)
	}
}

func backend(t testing.TB) string {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Error(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
}

// large serves files that are in LFS.
func (h *Host) large(w http.ResponseWriter, r *http.Request) {
	h.Lock()
	defer h.Unlock()
	if id, ok := strings.CutPrefix(r.URL.Path[strings.Index(r.URL.Path, "/info/lfs/"):], "/info/lfs/files/"); ok {
		_, _ = w.Write(h.lfs[id])
		return
	}
	var ask struct {
		Objects []struct {
			OID  string `json:"oid"`
			Size int64  `json:"size"`
		} `json:"objects"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var objects []map[string]any
	for _, o := range ask.Objects {
		answer := map[string]any{"oid": o.OID, "size": o.Size}
		if _, ok := h.lfs[o.OID]; ok {
			answer["actions"] = map[string]any{"download": map[string]any{
				"href":   h.URL + strings.TrimSuffix(r.URL.Path, "objects/batch") + "files/" + o.OID,
				"header": map[string]string{"Authorization": r.Header.Get("Authorization")},
			}}
		} else {
			answer["error"] = map[string]any{"code": 404, "message": "Object does not exist"}
		}
		objects = append(objects, answer)
	}
	w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
	_ = json.NewEncoder(w).Encode(map[string]any{"transfer": "basic", "objects": objects})
}

// Store keeps a file for LFS and returns the pointer that stands for it.
func (h *Host) Store(content []byte) (pointer string) {
	sum := sha256.Sum256(content)
	id := hex.EncodeToString(sum[:])
	h.Lock()
	h.lfs[id] = content
	h.Unlock()
	return Pointer(id, len(content))
}

// Pointer stands for a file that is in LFS.
func Pointer(id string, size int) string {
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", id, size)
}

// Repository is a repository of the host, with a clone to change it by.
type Repository struct {
	t    testing.TB
	host *Host
	Name string // owner/name
	Bare string // its directory on the host
	Work string // a clone
	URL  string
}

// Repository makes an empty repository.
func (h *Host) Repository(name string) *Repository {
	h.t.Helper()
	r := &Repository{t: h.t, host: h, Name: name, Bare: filepath.Join(h.Dir, name+".git"), Work: h.t.TempDir(), URL: h.URL + "/" + name + ".git"}
	r.run("", "init", "--quiet", "--bare", "--initial-branch=main", r.Bare)
	r.run("", "-C", r.Bare, "config", "http.receivepack", "true")
	r.Git("init", "--quiet", "--initial-branch=main")
	r.Git("remote", "add", "origin", r.Bare)
	return r
}

// Private closes the repository to those without one of the host's tokens.
func (r *Repository) Private() {
	r.host.Lock()
	defer r.host.Unlock()
	r.host.private[r.Name] = true
}

// Git runs git in the clone and returns what it prints.
func (r *Repository) Git(args ...string) string {
	r.t.Helper()
	return r.run("", append([]string{"-C", r.Work}, args...)...)
}

// GitWith is Git with something on its standard input.
func (r *Repository) GitWith(stdin string, args ...string) string {
	r.t.Helper()
	return r.run(stdin, append([]string{"-C", r.Work}, args...)...)
}

func (r *Repository) run(stdin string, args ...string) string {
	r.t.Helper()
	var errOut bytes.Buffer
	cmd := exec.Command("git", args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ann Example", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann Example", "GIT_COMMITTER_EMAIL=ann@example.com")
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &errOut
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("git %q: %v\n%s", args, err, &errOut)
	}
	return strings.TrimSpace(string(out))
}

// Write writes files into the clone.
func (r *Repository) Write(files map[string]string) {
	r.t.Helper()
	for name, content := range files {
		path := filepath.Join(r.Work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
}

// Push commits files to the present branch, pushes it, and returns the id of the commit.
func (r *Repository) Push(message string, files map[string]string) string {
	r.t.Helper()
	r.Write(files)
	r.Git("add", "--all")
	r.Git("commit", "--quiet", "--allow-empty", "-m", message)
	return r.PushHead()
}

// PushHead pushes the present branch as it is.
func (r *Repository) PushHead() string {
	r.t.Helper()
	r.Git("push", "--quiet", "--force", "origin", "HEAD")
	return r.Git("rev-parse", "HEAD")
}
