package ship

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/octetcounting"
	"github.com/leodido/go-syslog/v4/rfc5424"
)

func writeFile(file, text string) error { return os.WriteFile(file, []byte(text), 0o600) }

var lineTime = time.Date(2026, 11, 25, 12, 0, 0, 123_000_000, time.UTC)

func someLines() []Line {
	instance := Stream{Region: "us-east-1", Service: "web", ServiceID: "1", Kind: Application, Name: "instance/0123"}
	events := Stream{Region: "us-east-1", Service: "web", ServiceID: "1", Kind: Events, Name: "events"}
	return []Line{
		{instance, lineTime, `{"level":"info"}`}, {events, lineTime, "Deployment started."}, {instance, lineTime.Add(time.Second), "grüß <Gott> & \x00"},
	}
}

func TestLoki(t *testing.T) {
	t.Parallel()
	const want = `{"streams":[
		{"stream":{"job":"slipway","region":"us-east-1","service":"web","log":"application"},"values":[
			["1795608000123000000","{\"level\":\"info\"}",{"service_id":"1","stream":"instance/0123"}],
			["1795608001123000000","grüß <Gott> & \u0000",{"service_id":"1","stream":"instance/0123"}]]},
		{"stream":{"job":"slipway","region":"us-east-1","service":"web","log":"events"},"values":[
			["1795608000123000000","Deployment started.",{"service_id":"1","stream":"events"}]]}]}`
	status := http.StatusNoContent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.Method != http.MethodPost || r.URL.Path != LokiPath || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Scope-OrgID") != "ops" || user != "u" || password != "p" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		var got, expected any
		if err := errors.Join(json.NewDecoder(z).Decode(&got), json.Unmarshal([]byte(want), &expected)); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("pushed (-want +got):\n%s", diff)
		}
		http.Error(w, "what is wrong", status)
	}))
	defer server.Close()
	l := &Loki{URL: server.URL + LokiPath, Headers: map[string]string{"X-Scope-OrgID": "ops"}, User: "u", Secret: "p", Client: server.Client()}
	for code, refused := range map[int]bool{204: false, 400: true, 401: false, 413: true, 429: false, 500: false} {
		status = code
		err := l.Send(t.Context(), someLines())
		if (err == nil) != (code == 204) || errors.Is(err, ErrRefused) != refused || err != nil && !strings.Contains(err.Error(), "what is wrong") {
			t.Errorf("%d: %v", code, err)
		}
	}
	server.Close()
	u, _ := url.Parse(server.URL)
	u.User = url.UserPassword("x", "hunter2")
	l.URL = u.String()
	if err := l.Send(t.Context(), someLines()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("of a server that is gone: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestLokiWithToken(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer token" {
			t.Errorf("got %q", got)
		}
	}))
	defer server.Close()
	if err := (&Loki{URL: server.URL, Secret: "token", Client: server.Client()}).Send(t.Context(), someLines()); err != nil {
		t.Error(err)
	}
}

// brief is a message of syslog as it was read back.
func brief(m syslog.Message) string {
	r := m.(*rfc5424.SyslogMessage)
	origin := (*r.StructuredData)["origin"]["software"]
	return fmt.Sprint(*r.Priority, " ", r.Timestamp.UTC().Format(time.RFC3339Nano), " ", *r.Hostname, " ", *r.Appname, " ", *r.ProcID, " ", *r.MsgID, " ", origin, " ", *r.Message)
}

var briefs = []string{
	`134 2026-11-25T12:00:00.123Z host web 0123 application Slipway {"level":"info"}`,
	"134 2026-11-25T12:00:00.123Z host web events events Slipway Deployment started.",
	"134 2026-11-25T12:00:01.123Z host web 0123 application Slipway grüß <Gott> & \x00",
}

func TestSyslogOverUDP(t *testing.T) {
	t.Parallel()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s := &Syslog{Network: "udp", Address: server.LocalAddr().String(), Host: "ho st"}
	lines := append(someLines(), Line{Stream: Stream{}, Time: lineTime, Text: strings.Repeat("x", 16<<10)})
	for range 2 { // nothing comes between what is sent first and next
		if err := s.Send(t.Context(), lines); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2 * len(lines) {
		i := n % len(lines)
		buffer := make([]byte, 64<<10)
		n, _, err := server.ReadFrom(buffer)
		if err != nil {
			t.Fatal(err)
		}
		m, err := rfc5424.NewParser().Parse(buffer[:n])
		if err != nil {
			t.Fatalf("%q: %v", buffer[:n], err)
		}
		switch {
		case i < len(briefs) && brief(m) != briefs[i]:
			t.Errorf("got %q, want %q", brief(m), briefs[i])
		case i == len(briefs) && n != maxDatagram:
			t.Errorf("a long message has %d bytes", n)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSyslogOverTLS(t *testing.T) {
	t.Parallel()
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS() // for its certificate
	defer web.Close()
	pool := x509.NewCertPool()
	pool.AddCert(web.Certificate())
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	testStream(t, l, &Syslog{Network: "tls", Address: l.Addr().String(), Host: "host", TLS: &tls.Config{RootCAs: pool}})
	if err := (&Syslog{Network: "tls", Address: web.Listener.Addr().String(), TLS: &tls.Config{RootCAs: x509.NewCertPool()}}).Send(t.Context(), someLines()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
}

func TestSyslogOverTCP(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	testStream(t, l, &Syslog{Network: "tcp", Address: l.Addr().String(), Host: "host"})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (&Syslog{Network: "tcp", Address: l.Addr().String()}).Send(t.Context(), someLines()); err == nil {
		t.Error("a server that is gone takes lines")
	}
}

// testStream sends over two connections: the server ends the first.
func testStream(t *testing.T, l net.Listener, s *Syslog) {
	t.Helper()
	got := make(chan string, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 2 {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			n := 0
			octetcounting.NewParser(syslog.WithListener(func(r *syslog.Result) {
				if r.Error != nil {
					return
				}
				got <- brief(r.Message)
				if n++; n == len(briefs) {
					_ = c.Close()
				}
			})).Parse(c)
		}
	}()
	for range 2 {
		if err := s.Send(t.Context(), someLines()); err != nil {
			t.Fatal(err)
		}
		for _, want := range briefs {
			if text := <-got; text != want {
				t.Errorf("got %q, want %q", text, want)
			}
		}
		<-s.gone // that it ended is known, so that nothing is written into the void
	}
	<-ended
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "apps.log")
	read := func(suffix string) string {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	f := &File{Path: path, Size: 600, Keep: 2}
	if err := f.Send(t.Context(), someLines()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(read(""), "\n"), "\n")
	want := `{"time":"2026-11-25T12:00:00.123Z","region":"us-east-1","service":"web","serviceId":"1","log":"events","stream":"events","text":"Deployment started."}`
	if len(lines) != 3 || lines[1] != want || !strings.Contains(lines[2], "<Gott>") {
		t.Errorf("the file has %q", lines)
	}
	for n := range 4 {
		if err := f.Send(t.Context(), []Line{{Time: lineTime, Text: strings.Repeat(fmt.Sprint(n), 500)}}); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(read(""), "3333") || !strings.Contains(read(".1"), "2222") || !strings.Contains(read(".2"), "1111") {
		t.Error("the files are not the last ones")
	}
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("more files are kept than asked for")
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Send(context.Background(), someLines()), f.Close()); err != nil || strings.Count(read(""), "\n") != 3 {
		t.Errorf("after the file was moved away: %v", err)
	}
	if err := (&File{Path: filepath.Join(path, "x"), Size: 1}).Send(t.Context(), someLines()); err == nil {
		t.Error("lines are written into a file that cannot be")
	}
	none := &File{Path: filepath.Join(t.TempDir(), "x"), Size: 1}
	for range 2 {
		if err := none.Send(t.Context(), someLines()); err != nil {
			t.Fatal(err)
		}
	}
	if all, _ := filepath.Glob(none.Path + "*"); len(all) != 1 || strings.Count(fmt.Sprint(all), "x") != 1 {
		t.Errorf("with nothing to keep there are %q", all)
	}
}

func FuzzSyslogMessage(f *testing.F) {
	f.Add("host", "web", "instance/1", "text")
	f.Add("", "ü \n", "", "\x00")
	s := &Syslog{}
	f.Fuzz(func(t *testing.T, host, service, name, text string) {
		s.Host = host
		m := s.message(Line{Stream: Stream{Service: service, Name: name, Kind: Application}, Time: lineTime, Text: text})
		if _, err := rfc5424.NewParser().Parse(m); err != nil {
			t.Fatalf("%q: %v", m, err)
		}
	})
}
