package registry

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"regexp"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// maxManifest is the largest manifest that the handlers take, in bytes.
const maxManifest = 4 << 20

var (
	manifestPath = regexp.MustCompile(`^/v2/(.+)/manifests/([^/]+)$`)
	uploadPath   = regexp.MustCompile(`^/v2/(.+)/blobs/uploads/([^/]*)$`)
	blobPath     = regexp.MustCompile(`^/v2/(.+)/blobs/([^/]+)$`)
	tagsPath     = regexp.MustCompile(`^/v2/(.+)/(tags)/list$`)
)

// ServeHTTP serves the paths below /v2/.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !r.authorized(w, req) {
		return
	}
	req = req.WithContext(withLogger(req.Context(), r.log))
	path := req.URL.Path
	if m := uploadPath.FindStringSubmatch(path); m != nil {
		if validName(w, m[1]) {
			r.serveUpload(w, req)
		}
	} else if m := manifestPath.FindStringSubmatch(path); m != nil {
		if validName(w, m[1]) {
			r.serveManifest(w, req, m[1], m[2])
		}
	} else if m := blobPath.FindStringSubmatch(path); m != nil {
		if validName(w, m[1]) {
			r.serveBlob(w, req, m[2])
		}
	} else if m := tagsPath.FindStringSubmatch(path); m == nil || validName(w, m[1]) {
		r.app.ServeHTTP(w, req)
	}
}

// validName answers for a name that the routes of the handlers would not match, with no word why.
func validName(w http.ResponseWriter, repo string) bool {
	_, err := reference.WithName(repo)
	if err != nil {
		writeError(w, http.StatusBadRequest, "NAME_INVALID",
			"repository name "+repo+" is not valid: "+err.Error())
	}
	return err == nil
}

func (r *Registry) serveManifest(w http.ResponseWriter, req *http.Request, repo, ref string) {
	switch req.Method {
	case http.MethodPut:
		r.putManifest(w, req, repo, ref)
	case http.MethodDelete:
		// Alone, so that a tag cannot move to what is being deleted.
		r.sweep.Lock()
		defer r.sweep.Unlock()
		r.app.ServeHTTP(w, req)
	default:
		// Whoever reads a manifest is about to read its blobs. The handlers say what is wrong with it.
		_, _ = r.Resolve(req.Context(), repo, ref)
		r.app.ServeHTTP(w, req)
	}
}

// putManifest stores a manifest. While it checks that what the manifest names is there, and until
// the manifest itself is there, nothing is deleted.
func (r *Registry) putManifest(w http.ResponseWriter, req *http.Request, repo, ref string) {
	// The body is read before, so that a slow client does not hold up others.
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxManifest))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			writeError(w, http.StatusRequestEntityTooLarge, "SIZE_INVALID", "a manifest may have 4 MiB")
			return
		}
		writeError(w, http.StatusBadRequest, "MANIFEST_INVALID", "read manifest: "+err.Error())
		return
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	isTag := validTag(ref)
	if isTag && r.fixed != nil {
		unlock, ok := r.mayTag(w, req, repo, ref, digest.FromBytes(body))
		if !ok {
			return
		}
		defer unlock()
	}
	rec := &recorder{ResponseWriter: w}
	moved := func() bool {
		r.sweep.RLock()
		defer r.sweep.RUnlock()
		before, _ := readLink(r.store.tagLink(repo, ref))
		rec.hold = true
		r.app.ServeHTTP(rec, req)
		if rec.status != http.StatusCreated {
			return false
		}
		d := digest.Digest(w.Header().Get("Docker-Content-Digest"))
		_ = touch(filepath.Join(r.store.entry(r.store.revisions(repo), d), "link"), r.now())
		r.stored(manifestID{repo, d.String()})
		return isTag && before != d
	}()
	if moved {
		r.notify(repo, ref)
	}
	rec.release()
}

// mayTag lets a tag be set, or answers that it may not move. Setting it to what it names already is
// no move. The caller unlocks when the tag is set.
func (r *Registry) mayTag(w http.ResponseWriter, req *http.Request, repo, tag string, d digest.Digest) (unlock func(), ok bool) {
	fixed, err := r.fixed(req.Context(), repo, tag)
	if err != nil {
		r.log.Error("cannot tell whether a tag may move", "repository", repo, "tag", tag, "error", err)
		writeError(w, http.StatusServiceUnavailable, "UNAVAILABLE", "the settings of the repository cannot be read now; try again")
		return nil, false
	}
	if !fixed {
		return func() {}, true
	}
	r.fixing.Lock()
	if before, err := readLink(r.store.tagLink(repo, tag)); err == nil && before != d {
		r.fixing.Unlock()
		writeError(w, http.StatusBadRequest, "TAG_INVALID",
			"The image tag '"+tag+"' already exists in the '"+repo+"' repository and cannot be overwritten because the tag is immutable.")
		return nil, false
	}
	return r.fixing.Unlock, true
}

// stored tells a running collection of a new manifest.
func (r *Registry) stored(id manifestID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.marks {
		r.fresh = append(r.fresh, id)
	}
}

// notify reports what the tag names now, not what this request made it name: of two pushes at the
// same time the last report is then always right.
func (r *Registry) notify(repo, tag string) {
	d, err := readLink(r.store.tagLink(repo, tag))
	if err != nil {
		return // deleted since
	}
	r.mu.Lock()
	fns := r.onPush
	r.mu.Unlock()
	for _, fn := range fns {
		fn(repo, tag, d.String())
	}
}

func (r *Registry) serveBlob(w http.ResponseWriter, req *http.Request, ref string) {
	if req.Method == http.MethodDelete {
		r.sweep.Lock()
		defer r.sweep.Unlock()
		r.app.ServeHTTP(w, req)
		return
	}
	// A client that finds a blob does not send it: it must stay until the manifest comes.
	if d, err := digest.Parse(ref); err == nil {
		defer r.pin(d)()
	}
	r.app.ServeHTTP(w, req)
}

func (r *Registry) serveUpload(w http.ResponseWriter, req *http.Request) {
	query := req.URL.Query()
	for _, key := range []string{"digest", "mount"} {
		if d, err := digest.Parse(query.Get(key)); err == nil {
			defer r.pin(d)()
		}
	}
	r.app.ServeHTTP(w, req)
}

// pin keeps a blob while a request in flight deals with it, and for the grace period after.
func (r *Registry) pin(d digest.Digest) (unpin func()) {
	r.mu.Lock()
	r.pinned[d.String()]++
	r.mu.Unlock()
	// A deletion in progress has not seen the pin: wait for it, so that the handlers miss the blob.
	r.sweep.RLock()
	_ = touch(r.store.blobData(d), r.now())
	r.sweep.RUnlock()
	return func() {
		_ = touch(r.store.blobData(d), r.now())
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.pinned[d.String()]--; r.pinned[d.String()] == 0 {
			delete(r.pinned, d.String())
		}
	}
}

// recorder keeps a success back until it is released.
type recorder struct {
	http.ResponseWriter
	status int
	hold   bool
}

func (r *recorder) WriteHeader(status int) {
	if r.status != 0 {
		return
	}
	r.status = status
	if status != http.StatusCreated {
		r.hold = false
		r.ResponseWriter.WriteHeader(status)
	}
}

func (r *recorder) release() {
	if r.hold && r.status != 0 {
		r.ResponseWriter.WriteHeader(r.status)
	}
}
