package githost

import (
	"bytes"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
)

// API is the state of the HTTP APIs. One host answers as all four.
type API struct {
	Statuses []StatusReport
	Hooks    []Hook
	Page     int // entries on a page, whatever is asked for; 0 for as many as there are

	Ahead        time.Duration   // of the host's clock
	AppKey       *rsa.PrivateKey // of the GitHub App, once a manifest was converted
	Uninstalled  bool
	code         string // that the next exchange takes
	challenge    string // of PKCE
	refresh      string // that the next renewal takes
	TokenSeconds int    // how long OAuth tokens are good for
	issued       int
}

// StatusReport is the status of a commit that was reported.
type StatusReport struct{ Provider, Repository, Commit, State, Context, Target, Description string }

// Hook is a webhook that was made.
type Hook struct{ ID, Provider, Repository, URL, Secret string }

func (a *API) reset() { a.TokenSeconds = 7200 }

// serveAPI answers as each host does at its own root.
func (h *Host) serveAPI(mux *http.ServeMux) {
	mux.HandleFunc("/api/v3/", h.api("GITHUB", "/api/v3"))
	mux.HandleFunc("/api/v4/", h.api("GITLAB", "/api/v4"))
	mux.HandleFunc("/api/v1/", h.api("GITEA", "/api/v1"))
	mux.HandleFunc("/2.0/", h.api("BITBUCKET", "/2.0"))
	for _, path := range []string{"/oauth/authorize", "/login/oauth/authorize", "/site/oauth2/authorize"} {
		mux.HandleFunc("GET "+path, h.authorize)
	}
	for _, path := range []string{"/oauth/token", "/login/oauth/access_token", "/site/oauth2/access_token"} {
		mux.HandleFunc("POST "+path, h.token)
	}
	mux.HandleFunc("POST /settings/apps/new", h.newApp)
	mux.HandleFunc("GET /github-apps/slipway-test/installations/new", h.install)
}

// call is a request of an API.
type call struct {
	w        http.ResponseWriter
	r        *http.Request
	provider string
	path     string // below the root, decoded parts joined by slashes
	in       map[string]any
}

func (c call) answer(status int, v any) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(v)
}

func (h *Host) api(provider, root string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.Lock()
		defer h.Unlock()
		h.note(r, string(body))
		c := call{w: w, r: r, provider: provider, path: strings.TrimPrefix(r.URL.Path, root)}
		_ = json.Unmarshal(body, &c.in)
		if provider == "GITHUB" && (strings.HasPrefix(c.path, "/app/") || strings.HasPrefix(c.path, "/app-manifests/")) {
			h.githubApp(c)
			return
		}
		token := strings.TrimPrefix(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "token ")
		if _, password, ok := r.BasicAuth(); ok {
			token = password
		}
		if !h.Tokens[token] {
			c.answer(http.StatusUnauthorized, map[string]string{"message": "Bad credentials"})
			return
		}
		h.rest(c)
	}
}

// rest is what all hosts have, each in its own words.
func (h *Host) rest(c call) {
	switch {
	case c.path == "/user":
		c.answer(200, map[string]string{"login": "ann", "username": "ann", "nickname": "ann"})
	case c.path == "/user/workspaces":
		var all []any
		for _, w := range h.owners() {
			all = append(all, map[string]any{"workspace": map[string]string{"slug": w}})
		}
		c.answer(200, map[string]any{"values": all})
	case c.path == "/user/repos", c.path == "/installation/repositories", c.path == "/projects", c.path == "/repos/search", c.provider == "BITBUCKET" && strings.Count(c.path, "/") == 2:
		h.listRepositories(c)
	default:
		h.ofRepository(c)
	}
}

func (h *Host) owners() (all []string) {
	dirs, _ := filepath.Glob(filepath.Join(h.Dir, "*"))
	for _, d := range dirs {
		all = append(all, filepath.Base(d))
	}
	return all
}

// page cuts a list to the page that is asked for, and tells which is next.
func page[T any](h *Host, c call, all []T) (some []T, next string) {
	size := h.API.Page
	if size == 0 {
		return all, ""
	}
	n, _ := strconv.Atoi(c.r.URL.Query().Get("page"))
	n = max(n, 1)
	from, to := min((n-1)*size, len(all)), min(n*size, len(all))
	if to < len(all) {
		next = strconv.Itoa(n + 1)
	}
	return all[from:to], next
}

func (h *Host) listRepositories(c call) {
	words := strings.ToLower(c.r.URL.Query().Get("q") + c.r.URL.Query().Get("search"))
	if _, after, ok := strings.Cut(words, `name ~ "`); ok {
		words = strings.TrimSuffix(after, `"`)
	}
	var names []string
	bare, _ := filepath.Glob(filepath.Join(h.Dir, "*", "*.git"))
	for _, dir := range bare {
		name, _ := filepath.Rel(h.Dir, strings.TrimSuffix(dir, ".git"))
		if strings.Contains(strings.ToLower(name), words) && (c.provider != "BITBUCKET" || strings.HasPrefix(name, strings.TrimPrefix(c.path, "/repositories/")+"/")) {
			names = append(names, name)
		}
	}
	names, next := page(h, c, names)
	all := []any{}
	for _, name := range names {
		clone := h.URL + "/" + name + ".git"
		all = append(all, map[string]any{
			"full_name": name, "clone_url": clone, "default_branch": "main", "private": h.private[name], "is_private": h.private[name],
			"path_with_namespace": name, "http_url_to_repo": clone, "visibility": map[bool]string{true: "private", false: "public"}[h.private[name]],
			"mainbranch": map[string]string{"name": "main"}, "links": map[string]any{"html": map[string]string{"href": h.URL + "/" + name}},
		})
	}
	h.list(c, all, next, map[string]string{"/installation/repositories": "repositories", "/repos/search": "data"}[c.path])
}

// list answers a list the way of the host.
func (h *Host) list(c call, all []any, next, member string) {
	switch {
	case c.provider == "BITBUCKET":
		answer := map[string]any{"values": all}
		if next != "" {
			u := *c.r.URL
			q := u.Query()
			q.Set("page", next)
			u.RawQuery = q.Encode()
			answer["next"] = h.URL + u.RequestURI()
		}
		c.answer(200, answer)
	case member != "":
		c.answer(200, map[string]any{member: all})
	default:
		if c.provider == "GITLAB" {
			c.w.Header().Set("X-Next-Page", next)
		}
		c.answer(200, all)
	}
}

// ofRepository is what is asked of one repository.
func (h *Host) ofRepository(c call) {
	path := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(c.path, "/repositories"), "/repos"), "/projects")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 3 {
		c.answer(404, map[string]string{"message": "Not Found"})
		return
	}
	name, rest := parts[0]+"/"+parts[1], parts[2:]
	if _, err := os.Stat(filepath.Join(h.Dir, name+".git")); err != nil {
		c.answer(404, map[string]string{"message": "404 Project Not Found"})
		return
	}
	switch {
	case rest[len(rest)-1] == "branches":
		h.listBranches(c, name)
	case slices.Contains(rest, "statuses"):
		h.status(c, name, rest)
	case rest[0] == "hooks":
		h.hooks(c, name, rest[1:])
	default:
		c.answer(404, map[string]string{"message": "Not Found"})
	}
}

func (h *Host) listBranches(c call, name string) {
	refs, _ := filepath.Glob(filepath.Join(h.Dir, name+".git", "refs", "heads", "*"))
	all := []any{}
	for _, ref := range refs {
		all = append(all, map[string]string{"name": filepath.Base(ref)})
	}
	all, next := page(h, c, all)
	h.list(c, all, next, "")
}

func text(v any) string { s, _ := v.(string); return s }

func (h *Host) status(c call, name string, rest []string) {
	if c.r.Method != http.MethodPost {
		c.answer(405, nil)
		return
	}
	commit := rest[1]
	title := text(c.in["context"])
	if title == "" {
		title = text(c.in["name"])
	}
	states := map[string][]string{
		"GITHUB": {"pending", "success", "failure", "error"}, "GITLAB": {"pending", "running", "success", "failed", "canceled"},
		"GITEA": {"pending", "success", "failure", "error"}, "BITBUCKET": {"INPROGRESS", "SUCCESSFUL", "FAILED", "STOPPED"},
	}[c.provider]
	if !slices.Contains(states, text(c.in["state"])) {
		c.answer(422, map[string]string{"message": "Validation Failed: state"})
		return
	}
	h.API.Statuses = append(h.API.Statuses, StatusReport{
		c.provider, name, commit, text(c.in["state"]), title, text(c.in["target_url"]) + text(c.in["url"]), text(c.in["description"]),
	})
	c.answer(201, map[string]string{})
}

func (h *Host) hooks(c call, name string, id []string) {
	switch c.r.Method {
	case http.MethodGet:
		all := []any{}
		for _, k := range h.API.Hooks {
			if k.Repository == name && k.Provider == c.provider {
				number, _ := strconv.Atoi(k.ID)
				all = append(all, map[string]any{"id": number, "uuid": "{" + k.ID + "}", "url": k.URL, "config": map[string]string{"url": k.URL}})
			}
		}
		h.list(c, all, "", "")
	case http.MethodPost:
		k := Hook{ID: strconv.Itoa(len(h.API.Hooks) + 100), Provider: c.provider, Repository: name, URL: text(c.in["url"]), Secret: text(c.in["secret"]) + text(c.in["token"])}
		if config, ok := c.in["config"].(map[string]any); ok {
			k.URL, k.Secret = text(config["url"]), text(config["secret"])
		}
		if k.URL == "" {
			c.answer(422, map[string]string{"message": "Validation Failed: url"})
			return
		}
		h.API.Hooks = append(h.API.Hooks, k)
		c.answer(201, map[string]string{})
	case http.MethodDelete:
		h.API.Hooks = slices.DeleteFunc(h.API.Hooks, func(k Hook) bool { return len(id) == 1 && strings.Trim(id[0], "{}") == k.ID })
		c.w.WriteHeader(http.StatusNoContent)
	}
}

// Deliver has the host tell of a push, by all webhooks of the repository. It returns the statuses that
// they answered.
func (r *Repository) Deliver(delivery string) (answers []int) {
	r.t.Helper()
	r.host.Lock()
	hooks := slices.Clone(r.host.API.Hooks)
	r.host.Unlock()
	branch := r.Git("branch", "--show-current")
	for _, k := range hooks {
		if k.Repository == r.Name {
			answers = append(answers, Deliver(r.t, k, delivery, branch))
		}
	}
	return answers
}

// sender has connections of its own: a server that ends closes those of the default client.
var sender = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Deliver sends a delivery as a host does.
func Deliver(t interface{ Fatal(args ...any) }, k Hook, delivery, branch string) int {
	body := map[string]any{"ref": "refs/heads/" + branch, "repository": map[string]string{"full_name": k.Repository}}
	if k.Provider == "GITLAB" {
		body = map[string]any{"object_kind": "push", "ref": "refs/heads/" + branch, "project": map[string]string{"path_with_namespace": k.Repository}}
	}
	if k.Provider == "BITBUCKET" {
		body = map[string]any{
			"repository": map[string]string{"full_name": k.Repository},
			"push":       map[string]any{"changes": []any{map[string]any{"new": map[string]string{"type": "branch", "name": branch}}}},
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	q, err := http.NewRequest(http.MethodPost, k.URL, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(k.Secret))
	mac.Write(text)
	signature := hex.EncodeToString(mac.Sum(nil))
	for name, value := range map[string]map[string]string{
		"GITHUB":    {"X-GitHub-Event": "push", "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": "sha256=" + signature},
		"GITLAB":    {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": delivery, "X-Gitlab-Token": k.Secret},
		"GITEA":     {"X-Gitea-Event": "push", "X-Gitea-Delivery": delivery, "X-Gitea-Signature": signature},
		"BITBUCKET": {"X-Event-Key": "repo:push", "X-Request-UUID": delivery, "X-Hub-Signature": "sha256=" + signature},
	}[k.Provider] {
		q.Header.Set(name, value)
	}
	response, err := sender.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// authorize is the page where a user lets an application in; this one always does.
func (h *Host) authorize(w http.ResponseWriter, r *http.Request) {
	h.Lock()
	defer h.Unlock()
	q := r.URL.Query()
	h.API.issued++
	h.API.code, h.API.challenge = fmt.Sprintf("code%d", h.API.issued), q.Get("code_challenge")
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != "client" || q.Get("response_type") != "code" {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	back.RawQuery = url.Values{"code": {h.API.code}, "state": {q.Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// token gives tokens for a code or a refresh token, each of which is good once.
func (h *Host) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	h.Lock()
	defer h.Unlock()
	c := call{w: w, r: r}
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		id, secret = user, password
	}
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	good := id == "client" && secret == "client-s3cret"
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		good = good && h.API.code != "" && r.PostForm.Get("code") == h.API.code &&
			(h.API.challenge == "" || base64.RawURLEncoding.EncodeToString(sum[:]) == h.API.challenge)
		h.API.code = ""
	case "refresh_token":
		good = good && h.API.refresh != "" && r.PostForm.Get("refresh_token") == h.API.refresh
	default:
		good = false
	}
	if !good {
		c.answer(400, map[string]string{"error": "invalid_grant", "error_description": "The provided authorization grant is invalid."})
		return
	}
	h.API.issued++
	token := fmt.Sprintf("oauth%d", h.API.issued)
	h.API.refresh = fmt.Sprintf("refresh%d", h.API.issued)
	h.Tokens[token] = true
	c.answer(200, map[string]any{"access_token": token, "refresh_token": h.API.refresh, "expires_in": h.API.TokenSeconds, "token_type": "bearer"})
}

// newApp is the page that takes a manifest; its user always agrees.
func (h *Host) newApp(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	var m struct {
		Redirect string `json:"redirect_url"`
		Setup    string `json:"setup_url"`
	}
	if json.Unmarshal([]byte(r.PostForm.Get("manifest")), &m) != nil || m.Redirect == "" {
		http.Error(w, "no manifest", http.StatusBadRequest)
		return
	}
	h.Lock()
	defer h.Unlock()
	h.API.issued++
	h.API.code, h.API.challenge = fmt.Sprintf("code%d", h.API.issued), m.Setup
	http.Redirect(w, r, m.Redirect+"?"+url.Values{"code": {h.API.code}, "state": {r.URL.Query().Get("state")}}.Encode(), http.StatusFound)
}

// install is the page where an App is installed; its user always agrees.
func (h *Host) install(w http.ResponseWriter, r *http.Request) {
	h.Lock()
	defer h.Unlock()
	http.Redirect(w, r, h.API.challenge+"?"+url.Values{"installation_id": {"77"}, "setup_action": {"install"}, "state": {r.URL.Query().Get("state")}}.Encode(), http.StatusFound)
}

// githubApp is what an App asks for itself.
func (h *Host) githubApp(c call) {
	if code, ok := strings.CutPrefix(c.path, "/app-manifests/"); ok {
		if h.API.code == "" || code != h.API.code+"/conversions" {
			c.answer(404, map[string]string{"message": "Not Found"})
			return
		}
		h.API.code = ""
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			h.t.Error(err)
		}
		h.API.AppKey = key
		text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
		c.answer(201, map[string]any{"id": 4711, "slug": "slipway-test", "pem": string(text), "webhook_secret": "hook-s3cret"})
		return
	}
	if !h.signedByApp(strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer ")) {
		c.answer(401, map[string]string{"message": "A JSON web token could not be decoded"})
		return
	}
	switch {
	case h.API.Uninstalled || !strings.HasPrefix(c.path, "/app/installations/77"):
		c.answer(404, map[string]string{"message": "Not Found"})
	case strings.HasSuffix(c.path, "/access_tokens"):
		h.API.issued++
		token := fmt.Sprintf("ghs_%d", h.API.issued)
		h.Tokens[token] = true
		c.answer(201, map[string]any{"token": token, "expires_at": h.now().Add(time.Hour).UTC().Format(time.RFC3339)})
	default:
		c.answer(200, map[string]any{"id": 77, "account": map[string]string{"login": "ann-org"}})
	}
}

func (h *Host) now() time.Time { return time.Now().Add(h.API.Ahead) }

func (h *Host) signedByApp(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || h.API.AppKey == nil {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(&h.API.AppKey.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return false
	}
	var claims struct {
		Issuer string `json:"iss"`
		Until  int64  `json:"exp"`
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	return json.Unmarshal(text, &claims) == nil && claims.Issuer == "4711" && claims.Until > h.now().Unix() && claims.Until < h.now().Add(10*time.Minute).Unix()
}
