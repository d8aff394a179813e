package registry_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

// upload is one upload session by raw HTTP.
type upload struct {
	t        *testing.T
	s        *server
	location string
}

func (s *server) begin(t *testing.T, repo string) *upload {
	t.Helper()
	u := &upload{t: t, s: s, location: s.url + "/v2/" + repo + "/blobs/uploads/"}
	u.do("POST", nil, nil, http.StatusAccepted)
	return u
}

// do sends a request to where the last answer said, and returns the answer.
func (u *upload) do(method string, body io.Reader, header map[string]string, want int) *http.Response {
	u.t.Helper()
	req, err := http.NewRequestWithContext(u.t.Context(), method, u.location, body)
	if err != nil {
		u.t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		u.t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != want {
		u.t.Fatalf("%s %s: status %d, want %d: %s", method, u.location, res.StatusCode, want, text)
	}
	if next, err := res.Location(); err == nil {
		u.location = next.String()
	}
	return res
}

func (u *upload) commit(d digest.Digest) {
	u.t.Helper()
	u.location += "&digest=" + url.QueryEscape(d.String())
	u.do("PUT", nil, nil, http.StatusCreated)
}

func (s *server) blob(t *testing.T, repo string, d digest.Digest) []byte {
	t.Helper()
	res, err := http.Get(s.url + "/v2/" + repo + "/blobs/" + d.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("blob %s: status %d, %v", d, res.StatusCode, err)
	}
	return data
}

func randomBytes(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data)
	return data
}

func TestUpload_TakesChunks(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	data := randomBytes(300_000)
	u := s.begin(t, "app")
	for from := 0; from < len(data); from += 100_000 {
		chunk := data[from : from+100_000]
		res := u.do("PATCH", bytes.NewReader(chunk), map[string]string{
			"Content-Type":  "application/octet-stream",
			"Content-Range": fmt.Sprintf("%d-%d", from, from+len(chunk)-1),
		}, http.StatusAccepted)
		if got, want := res.Header.Get("Range"), fmt.Sprintf("0-%d", from+len(chunk)-1); got != want {
			t.Errorf("Range %q, want %q", got, want)
		}
	}
	u.commit(digest.FromBytes(data))
	if !bytes.Equal(s.blob(t, "app", digest.FromBytes(data)), data) {
		t.Error("the blob is not what was sent")
	}
}

func TestUpload_RefusesAChunkOutOfOrderAndAWrongDigest(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), nil)
	u := s.begin(t, "app")
	u.do("PATCH", strings.NewReader("later"), map[string]string{
		"Content-Type": "application/octet-stream", "Content-Range": "10-14"}, http.StatusRequestedRangeNotSatisfiable)

	u = s.begin(t, "app")
	u.location += "&digest=" + digest.FromString("other").String()
	u.do("PUT", strings.NewReader("this"), nil, http.StatusBadRequest)
}

func TestUpload_GoesOnAfterACutConnectionAndARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, nil)
	data := randomBytes(1 << 20)
	u := s.begin(t, "app")
	cutPatch(t, u.location, data, 600_000)

	received := u.received()
	if received == 0 || received > 600_000 {
		t.Fatalf("the registry has %d bytes of the 600000 sent", received)
	}
	u.do("PATCH", bytes.NewReader(data[received:800_000]), map[string]string{
		"Content-Type": "application/octet-stream", "Content-Range": fmt.Sprintf("%d-%d", received, 800_000-1),
	}, http.StatusAccepted)

	// Another process of the same registry takes the rest.
	next := open(t, dir, nil)
	u.location = strings.Replace(u.location, s.url, next.url, 1)
	u.do("PATCH", bytes.NewReader(data[800_000:]), map[string]string{
		"Content-Type": "application/octet-stream", "Content-Range": fmt.Sprintf("%d-%d", 800_000, len(data)-1),
	}, http.StatusAccepted)
	u.commit(digest.FromBytes(data))
	if !bytes.Equal(next.blob(t, "app", digest.FromBytes(data)), data) {
		t.Error("the blob is not what was sent")
	}
}

// cutPatch sends n bytes of a longer PATCH and drops the connection.
func cutPatch(t *testing.T, location string, data []byte, n int) {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\nContent-Range: 0-%d\r\n\r\n",
		u.RequestURI(), u.Host, len(data), len(data)-1)
	if err == nil {
		_, err = conn.Write(data[:n])
	}
	if err != nil {
		t.Fatal(err)
	}
}

// received asks how much has arrived until the registry has noticed that the connection is gone,
// which is when the number no longer grows, and takes the location that goes on from there.
func (u *upload) received() int {
	u.t.Helper()
	last := -1
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		res := u.do("GET", nil, nil, http.StatusNoContent)
		var end int
		if _, err := fmt.Sscanf(res.Header.Get("Range"), "0-%d", &end); err != nil {
			u.t.Fatalf("Range %q: %v", res.Header.Get("Range"), err)
		}
		if end == last && end > 0 {
			return end + 1
		}
		last = end
	}
	u.t.Fatal("the upload still grows")
	return 0
}
