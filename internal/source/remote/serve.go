package remote

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// The two programs of Git's protocol.
const (
	fetching = "git-upload-pack"
	pushing  = "git-receive-pack"
)

// gitProtocol is the form of the header that asks for a version of the protocol.
var gitProtocol = regexp.MustCompile(`\A[a-z0-9=:.-]{1,64}\z`)

// exchange is one request to a repository.
type exchange struct {
	w            http.ResponseWriter
	r            *http.Request
	region, name string
	dir          string
	service      Service
}

// ServeHTTP serves the paths below Prefix: the "smart" protocol of Git.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	region, name, rest, ok := s.split(r.URL.Path)
	if !ok {
		say(w, http.StatusNotFound, "There is no repository %q. Repositories have the names of services: %sNAME.git", r.URL.Path, Prefix)
		return
	}
	program := r.URL.Query().Get("service")
	begins := r.Method == http.MethodGet && rest == "/info/refs"
	if r.Method == http.MethodPost {
		program = strings.TrimPrefix(rest, "/")
	}
	if strings.HasPrefix(rest, "/info/lfs/") {
		refuseLFS(w)
		return
	}
	if (!begins && r.Method != http.MethodPost) || (program != fetching && program != pushing) {
		say(w, http.StatusForbidden, "Only the smart HTTP protocol of Git is served: use a newer Git.")
		return
	}
	e := &exchange{w: w, r: r, region: region, name: name, dir: s.dir(region, name)}
	if !s.permitted(e, program) || !s.present(e, program) {
		return
	}
	w.Header().Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
	if begins {
		s.advertise(e, program)
		return
	}
	s.move(e, program)
}

// refuseLFS says to the client of Git LFS, in its own form, what to do instead.
func refuseLFS(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
	w.WriteHeader(http.StatusNotImplemented)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": lfsAdvice})
}

const lfsAdvice = "Slipway's own Git remote keeps no Git LFS files. Deploy the folder with \"slipway deploy\", which sends the files themselves, " +
	"or connect the service to the Git host that has them"

// present finds the repository, and makes one for a push.
func (s *Server) present(e *exchange, program string) bool {
	_, err := os.Stat(e.dir)
	if errors.Is(err, fs.ErrNotExist) && program == pushing {
		err = s.create(e.r.Context(), e.dir)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		say(e.w, http.StatusNotFound, "Nothing was pushed for service %q in Region %s yet.", e.name, e.region)
	case err != nil:
		s.Log.Error("a repository could not be opened", "repository", e.dir, "error", err)
		say(e.w, http.StatusInternalServerError, "The repository cannot be opened. Slipway's log has the details.")
	}
	return err == nil
}

// advertise tells what the repository has: the first half of the protocol.
func (s *Server) advertise(e *exchange, program string) {
	l := s.lock(e.dir)
	l.RLock()
	defer l.RUnlock()
	cmd := s.command(e.r.Context(), "", strings.TrimPrefix(program, "git-"), "--stateless-rpc", "--advertise-refs", e.dir)
	cmd.Env = append(cmd.Env, protocolOf(e.r)...)
	out, err := run(cmd)
	if err != nil {
		s.Log.Error("a repository could not be read", "repository", e.dir, "error", err)
		say(e.w, http.StatusInternalServerError, "The repository cannot be read. Slipway's log has the details.")
		return
	}
	e.w.Header().Set("Content-Type", "application/x-"+program+"-advertisement")
	line := "# service=" + program + "\n"
	_, _ = fmt.Fprintf(e.w, "%04x%s0000%s", len(line)+4, line, out)
}

func protocolOf(r *http.Request) []string {
	if version := r.Header.Get("Git-Protocol"); gitProtocol.MatchString(version) {
		return []string{"GIT_PROTOCOL=" + version}
	}
	return nil
}

// move sends or takes commits: the second half.
func (s *Server) move(e *exchange, program string) {
	if want := "application/x-" + program + "-request"; e.r.Header.Get("Content-Type") != want {
		say(e.w, http.StatusUnsupportedMediaType, "The Content-Type must be %s.", want)
		return
	}
	select {
	case s.slots <- struct{}{}:
	case <-e.r.Context().Done():
		return
	}
	free := sync.OnceFunc(func() { <-s.slots })
	defer free()
	body, err := s.body(e, program)
	if err != nil {
		say(e.w, http.StatusBadRequest, "The request is not what Git sends: %v.", err)
		return
	}
	ctx, cancel := context.WithCancelCause(e.r.Context())
	defer cancel(nil)
	limit := time.AfterFunc(s.Timeout, func() { cancel(context.DeadlineExceeded) })
	defer limit.Stop()
	e.w.Header().Set("Content-Type", "application/x-"+program+"-result")
	// Git answers while the client still sends.
	_ = http.NewResponseController(e.w).EnableFullDuplex()
	if program == fetching {
		s.fetch(ctx, e, body)
		return
	}
	s.receive(ctx, e, body, func() {
		limit.Stop()
		free()
		(&patient{conn: http.NewResponseController(e.w)}).rest()
	})
}

// maxRequest is the size of what a fetch asks, and of the list of branches that a push begins with.
const maxRequest = 1 << 20

// body is what the client sends, unpacked, as far as it may go.
func (s *Server) body(e *exchange, program string) (io.Reader, error) {
	var body io.Reader = &patient{e.r.Body, http.NewResponseController(e.w), s.idle}
	if e.r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			return nil, err
		}
	}
	if program == fetching {
		return io.LimitReader(body, 16*maxRequest), nil
	}
	return limitCommands(io.LimitReader(body, s.MaxPush+2*maxRequest))
}

// idle is how long a client may send nothing of what it has begun to send.
const idle = time.Minute

// patient reads as long as the client sends anything.
type patient struct {
	io.Reader
	conn *http.ResponseController
	idle time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(p.idle))
	n, err := p.Reader.Read(b)
	if err != nil {
		p.rest()
	}
	return n, err
}

// rest lets the client wait for as long as it likes: it has sent everything. With a deadline, the server
// would take its silence for having left.
func (p *patient) rest() { _ = p.conn.SetReadDeadline(time.Time{}) }

func (s *Server) fetch(ctx context.Context, e *exchange, body io.Reader) {
	l := s.lock(e.dir)
	l.RLock()
	defer l.RUnlock()
	cmd := s.command(ctx, "", "upload-pack", "--stateless-rpc", e.dir)
	cmd.Env = append(cmd.Env, protocolOf(e.r)...)
	cmd.Stdin, cmd.Stdout = body, flusher{e.w}
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		s.Log.Debug("a fetch failed", "repository", e.dir, "error", err)
	}
}

// flusher sends each piece at once.
type flusher struct{ w http.ResponseWriter }

func (f flusher) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	if err == nil {
		err = http.NewResponseController(f.w).Flush()
	}
	return n, err
}

// say answers with a sentence. Git shows it for most failures.
func say(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}
