package console

import (
	"compress/gzip"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// policy lets a page have what the console serves, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// unbuilt is the page of a Slipway without a console.
const unbuilt = `<!doctype html><html lang="en"><title>Slipway</title><h1>Slipway runs</h1>
<p>This one was built without its console. Use the command line (<code>slipway --help</code>) or the AWS CLI,
or build it with the console: <code>make build</code>, with Node.js.</p></html>
`

// page serves the files of the console. The pages are drawn by its script: every other path is that of a
// page, and gets the same document.
func (c *Console) page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "There are only pages here.", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	switch {
	case strings.HasPrefix(name, "assets/"):
		if c.send(w, r, name, "public, max-age=31536000, immutable") {
			return
		}
		http.NotFound(w, r)
	case name != "" && name != "index.html" && c.send(w, r, name, "no-cache"):
	case !c.send(w, r, "index.html", "no-cache"):
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, unbuilt)
	}
}

// send sends a file, which is there as it is or compressed, and reports whether it is there.
func (c *Console) send(w http.ResponseWriter, r *http.Request, name, cache string) bool {
	file, compressed, ok := c.open(name)
	if !ok {
		return false
	}
	defer file.Close()
	var body io.Reader = file
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Cache-Control", cache)
	if compressed {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
		} else if unpacked, err := gzip.NewReader(file); err == nil {
			body = unpacked
		}
	}
	if _, err := io.Copy(w, body); err != nil {
		c.Log.Debug("a page of the console was not sent", "file", name, "error", err)
	}
	return true
}

func (c *Console) open(name string) (file fs.File, compressed, ok bool) {
	for _, suffix := range []string{".gz", ""} {
		if file, err := c.Files.Open(name + suffix); err == nil {
			if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
				return file, suffix != "", true
			}
			_ = file.Close()
		}
	}
	return nil, false, false
}
