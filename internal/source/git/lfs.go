package git

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Large files are fetched here and not by git-lfs: that would be one more program that a repository
// configures, with ways of its own to the network.

// pointerForm is what stands for a file that is in LFS.
var pointerForm = regexp.MustCompile(`\Aversion https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,15})\n\z`)

const (
	maxPointer = 1024 // bytes
	lfsBatch   = 100  // files asked for at once
	lfsAtOnce  = 4    // files fetched at once
	lfsType    = "application/vnd.git-lfs+json"
)

// largeFile is a file that is in LFS.
type largeFile struct {
	name string
	id   string // SHA-256 of its content
	size int64
}

// lfsServer is where large files are.
type lfsServer struct {
	Href   string            `json:"href"`
	Header map[string]string `json:"header"`
	user   *Credential
}

// largeFiles replaces pointers with the files that they stand for.
func (s *session) largeFiles(ctx context.Context, root *os.Root) error {
	files, err := s.pointers(ctx, root)
	if err != nil || len(files) == 0 {
		return err
	}
	var bytes int64
	for _, f := range files {
		bytes += f.size
	}
	if err := s.work.within(bytes, len(files)); err != nil {
		return err
	}
	server, err := s.lfsServer(ctx)
	if err != nil {
		return err
	}
	client := s.client()
	defer client.CloseIdleConnections()
	for len(files) > 0 {
		n := min(len(files), lfsBatch)
		if err := s.lfsFetch(ctx, client, server, root, files[:n]); err != nil {
			return err
		}
		files = files[n:]
	}
	return nil
}

// pointers finds the files that .gitattributes puts into LFS.
func (s *session) pointers(ctx context.Context, root *os.Root) (files []largeFile, err error) {
	out, err := s.git(ctx, "ls-files", "-z", "--", ":(attr:filter=lfs)")
	if err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		info, err := root.Lstat(name)
		if name == "" || err != nil || !info.Mode().IsRegular() || info.Size() > maxPointer {
			continue
		}
		text, err := root.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read a file of a repository: %w", err)
		}
		if m := pointerForm.FindSubmatch(text); m != nil {
			size, _ := strconv.ParseInt(string(m[2]), 10, 64)
			files = append(files, largeFile{name: name, id: string(m[1]), size: size})
		}
	}
	return files, nil
}

// lfsServer finds the server for large files: what .lfsconfig says, or the repository's own.
func (s *session) lfsServer(ctx context.Context) (lfsServer, error) {
	if custom := s.lfsConfigured(ctx); custom != "" {
		p, err := s.work.git.place(custom)
		if err != nil {
			return lfsServer{}, err
		}
		if p.url.Scheme != "https" && p.url.Scheme != "http" {
			return lfsServer{}, failf("Repository %s keeps large files at %s. Slipway fetches them over https only.", s.place, p)
		}
		server := lfsServer{Href: p.text}
		if p.origin() == s.place.origin() {
			server.user = &s.credential
		}
		return server, nil
	}
	switch s.place.url.Scheme {
	case "ssh":
		return s.lfsBySSH(ctx)
	case "file":
		return lfsServer{}, failf("Repository %s has files in LFS, which Slipway does not fetch from a path. Serve it over https, or commit the files.", s.place)
	}
	u := *s.place.url
	u.Path = strings.TrimSuffix(u.Path, "/")
	if !strings.HasSuffix(u.Path, ".git") {
		u.Path += ".git"
	}
	u.Path += "/info/lfs"
	return lfsServer{Href: u.String(), user: &s.credential}, nil
}

// lfsConfigured is the URL in .lfsconfig, "" when there is none.
func (s *session) lfsConfigured(ctx context.Context) string {
	if kind, err := s.git(ctx, "ls-tree", ours, "--", ".lfsconfig"); err != nil || !strings.HasPrefix(kind, "100") {
		return ""
	}
	out, err := s.git(ctx, "config", "--blob", ours+":.lfsconfig", "lfs.url")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// lfsBySSH asks an ssh server where its large files are, as git-lfs does.
func (s *session) lfsBySSH(ctx context.Context) (server lfsServer, err error) {
	u := s.place.url
	args := append([]string(nil), s.ssh.options...)
	if u.Port() != "" {
		args = append(args, "-p", u.Port())
	}
	who := u.Hostname()
	if u.User != nil {
		who = u.User.Username() + "@" + who
	}
	path := u.Path
	if strings.Contains(s.place.text, "://") {
		path = "/" + strings.TrimPrefix(path, "/")
	}
	args = append(args, "--", who, "git-lfs-authenticate '"+strings.ReplaceAll(path, "'", `'\''`)+"' download")
	out, wrote, err := s.run(ctx, exec.CommandContext(ctx, "ssh", args...))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return server, cause
		}
		return server, failf("Repository %s has files in LFS, and its server does not say where: %s. Read the repository over https instead.", s.place, lastLine(wrote))
	}
	if err := json.Unmarshal([]byte(out), &server); err != nil || server.Href == "" {
		return server, failf("Repository %s has files in LFS, and its server does not say where.", s.place)
	}
	return server, nil
}

// client reaches the hosts of large files, by the same rules as git reaches others.
func (s *session) client() *http.Client {
	return &http.Client{
		Transport: s.work.git.Transport(),
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > 5 {
				return errors.New("too many redirects")
			}
			return nil
		},
	}
}

// lfsObject is a file in the answer of a server.
type lfsObject struct {
	ID      string `json:"oid"`
	Size    int64  `json:"size"`
	Actions struct {
		Download *lfsServer `json:"download"`
	} `json:"actions"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// lfsFetch fetches some files.
func (s *session) lfsFetch(ctx context.Context, client *http.Client, server lfsServer, root *os.Root, files []largeFile) error {
	found, err := s.lfsAsk(ctx, client, server, files)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lfsAtOnce)
	for _, f := range files {
		group.Go(func() error {
			o, ok := found[f.id]
			switch {
			case ok && o.Error != nil:
				return failf("File %q of repository %s is not in LFS: %s. Push it with git lfs push.", f.name, s.place, clean(o.Error.Message, 200))
			case !ok || o.Actions.Download == nil:
				return failf("File %q of repository %s is not in LFS. Push it with git lfs push.", f.name, s.place)
			}
			return s.lfsDownload(ctx, client, *o.Actions.Download, root, f)
		})
	}
	return group.Wait()
}

// lfsAsk asks where files are.
func (s *session) lfsAsk(ctx context.Context, client *http.Client, server lfsServer, files []largeFile) (map[string]lfsObject, error) {
	type object struct {
		ID   string `json:"oid"`
		Size int64  `json:"size"`
	}
	ask := struct {
		Operation string   `json:"operation"`
		Transfers []string `json:"transfers"`
		Objects   []object `json:"objects"`
		Hash      string   `json:"hash_algo"`
	}{Operation: "download", Transfers: []string{"basic"}, Hash: "sha256"}
	for _, f := range files {
		ask.Objects = append(ask.Objects, object{f.id, f.size})
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	server.Href = strings.TrimSuffix(server.Href, "/") + "/objects/batch"
	response, err := s.lfsSend(ctx, client, http.MethodPost, server, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Objects []lfsObject `json:"objects"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 4<<20)).Decode(&answer); err != nil {
		return nil, failf("The server for large files of repository %s did not answer as LFS does.", s.place)
	}
	found := map[string]lfsObject{}
	for _, o := range answer.Objects {
		found[o.ID] = o
	}
	return found, nil
}

// lfsSend does a request. An answer that is not 200 is an error.
func (s *session) lfsSend(ctx context.Context, client *http.Client, method string, to lfsServer, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, to.Href, bytes.NewReader(body))
	if err != nil {
		return nil, failf("Repository %s keeps large files at an address that is none.", s.place)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", lfsType)
		r.Header.Set("Accept", lfsType)
	}
	for name, value := range to.Header {
		r.Header.Set(name, value)
	}
	if to.user != nil && to.user.Token != "" {
		r.SetBasicAuth(to.user.Username, to.user.Token)
	}
	response, err := client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		if _, ok := errors.AsType[*apprunner.Error](err); ok {
			return nil, err
		}
		return nil, unreached(s.place, r.URL.Host, err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	_ = response.Body.Close()
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return nil, &denied{failf("Access to the large files of repository %s is denied. Check that the connection's credential may read them.", s.place)}
	case code == http.StatusNotFound:
		return nil, failf("Repository %s has files in LFS, and its server %s has no LFS. Push the files elsewhere, or commit them.", s.place, r.URL.Host)
	case code >= 500 || code == http.StatusTooManyRequests:
		return nil, &away{failf("The server for large files of repository %s answers %s. Slipway tried %d times. Deploy again later.", s.place, response.Status, tries)}
	default:
		return nil, failf("The server for large files of repository %s answers %s.", s.place, response.Status)
	}
}

// lfsDownload puts a file in the place of its pointer.
func (s *session) lfsDownload(ctx context.Context, client *http.Client, from lfsServer, root *os.Root, f largeFile) error {
	response, err := s.lfsSend(ctx, client, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	out, err := root.OpenFile(f.name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return fmt.Errorf("write a large file: %w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(response.Body, f.size+1))
	if err := out.Close(); err != nil {
		return fmt.Errorf("write a large file: %w", err)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return &away{failf("File %q of repository %s was not fetched to its end: %s. Slipway tried %d times.", f.name, s.place, err, tries)}
	case n != f.size || hex.EncodeToString(sum.Sum(nil)) != f.id:
		return failf("File %q of repository %s is not what LFS should have of it. Push it again with git lfs push --all.", f.name, s.place)
	}
	return nil
}
