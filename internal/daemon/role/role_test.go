package role

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/iam"
)

const (
	web  = "arn:aws:iam::000000000000:role/web"
	real = "arn:aws:iam::123456789012:role/real"
)

// running is the instances that there are, by id, with their roles.
type running struct {
	mu    sync.Mutex
	roles map[string]string
}

func (r *running) Instance(id string) (s apprunner.Service, v apprunner.Revision, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v.Spec.Instance.Role, ok = r.roles[id]
	s.Name, s.Region = "shop", "eu-west-1"
	return s, v, ok
}

func (r *running) InstanceIDs() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.roles {
		ids = append(ids, id)
	}
	return ids
}

func (r *running) end(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.roles, id)
}

func newSessions(instances Instances) *Sessions {
	return &Sessions{
		Instances: instances, Make: iam.NewSessions("secret"), Now: time.Now,
		Policy: func(string) *iam.Policy { return nil },
	}
}

func TestSessionsEndWithTheInstanceAndWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := &running{roles: map[string]string{"a": web, "b": web, "none": ""}}
		s := newSessions(there)
		a, ok := s.Issue("a")
		b, _ := s.Issue("b")
		if !ok || a.ID == b.ID {
			t.Fatalf("issued %v, %v, %v", a, b, ok)
		}
		for _, id := range []string{"none", "gone"} {
			if got, ok := s.Issue(id); ok {
				t.Errorf("%s has the session %v", id, got)
			}
		}
		if found, ok := s.Find(a.ID); !ok || found.Token != a.Token || found.Name != "a" {
			t.Errorf("found %v, %v", found, ok)
		}
		// Another daemon knows what this one gave out, also after the hour is over.
		time.Sleep(iam.SessionTime)
		next := newSessions(there)
		if _, ok := next.Find("ASIAAAAAAAAAAAAAAAAA"); ok {
			t.Error("a made-up key is found")
		}
		if found, ok := next.Find(a.ID); !ok || !found.Expires.Equal(a.Expires) {
			t.Errorf("the next daemon found %v, %v", found, ok)
		}
		there.end("a")
		for _, daemon := range []*Sessions{s, next} {
			if _, ok := daemon.Find(a.ID); ok {
				t.Error("the session outlives its instance")
			}
			if _, ok := daemon.Find(b.ID); !ok {
				t.Error("the session of another instance is gone")
			}
		}
		time.Sleep(2 * iam.SessionTime)
		fresh, _ := s.Issue("b")
		if _, ok := s.Find(b.ID); ok || fresh.ID == b.ID {
			t.Error("what has expired is still known")
		}
	})
}

// A key that nobody knows has the instances looked at, but not each time.
func TestUnknownKeysCostLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counted := &counting{running: running{roles: map[string]string{"a": web}}}
		s := newSessions(counted)
		for range 1000 {
			s.Find("ASIAAAAAAAAAAAAAAAAA")
		}
		time.Sleep(lookPause)
		s.Find("ASIAAAAAAAAAAAAAAAAA")
		if counted.looks != 2 {
			t.Errorf("the instances were looked at %d times", counted.looks)
		}
	})
}

type counting struct {
	running
	looks int
}

func (c *counting) InstanceIDs() []string { c.looks++; return c.running.InstanceIDs() }

// inside serves an endpoint and returns what asks it as an instance.
func inside(t *testing.T, e *Endpoint) func(id, method, path, authorization string) (int, string) {
	t.Helper()
	l := NewListener()
	e.Log = slog.New(slog.DiscardHandler)
	server := &http.Server{Handler: e, ConnContext: ConnContext}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), l.Close()); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		theirs, ours := net.Pipe()
		l.Take(context.Background(), "a", ours)
		if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %v", err)
		}
	})
	return func(id, method, path, authorization string) (int, string) {
		t.Helper()
		c, ours := connected(t)
		defer c.Close()
		l.Take(t.Context(), id, ours)
		defer l.Await(t.Context())
		r, _ := http.NewRequest(method, "http://127.0.0.1"+path, nil)
		r.Header.Set("Authorization", authorization)
		if err := r.Write(c); err != nil {
			t.Fatal(err)
		}
		_ = c.CloseWrite() // a client that has said all still gets its answer
		answer, err := http.ReadResponse(bufio.NewReader(c), r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
}

// connected is both ends of a connection. Unlike those of net.Pipe, each can end what it says alone.
func connected(t *testing.T) (*net.TCPConn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return theirs.(*net.TCPConn), ours
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	sessions := newSessions(&running{roles: map[string]string{"a": web, "b": web, "real": real, "none": ""}})
	var asked []string
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var refusal error
	aws := &AWS{Now: func() time.Time { return now }, Assume: func(_ context.Context, region, role, session string, life time.Duration) (Credentials, error) {
		asked = append(asked, strings.Join([]string{region, role, session, life.String()}, " "))
		return Credentials{AccessKeyId: "ASIAREAL", Expiration: now.Add(life)}, refusal
	}}
	ask := inside(t, &Endpoint{
		Sessions: sessions, AWS: aws, Real: func(role string) bool { return role == real },
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "the API, from "+r.RemoteAddr) }),
	})
	for _, tt := range []struct {
		reason, id, method, path, pass string
		status                         int
		words                          string
	}{
		{"its own", "a", "GET", Path, sessions.Make.Pass("a"), 200, `"RoleArn":"` + web},
		{"without a pass", "a", "GET", Path, "", 403, "AWS_CONTAINER_AUTHORIZATION_TOKEN"},
		{"with the pass of another", "a", "GET", Path, sessions.Make.Pass("b"), 403, "AccessDenied"},
		{"a POST", "a", "POST", Path, sessions.Make.Pass("a"), 405, "GET"},
		{"no role", "none", "GET", Path, sessions.Make.Pass("none"), 404, "InstanceRoleArn"},
		{"an instance that has ended", "gone", "GET", Path, sessions.Make.Pass("gone"), 404, "ended"},
		{"the API", "a", "POST", "/", "", 200, "the API, from instance/a"},
		{"a role of AWS", "real", "GET", Path, sessions.Make.Pass("real"), 200, `"AccessKeyId":"ASIAREAL"`},
		{"a role of AWS again", "real", "GET", Path, sessions.Make.Pass("real"), 200, `"RoleArn":"` + real},
	} {
		status, body := ask(tt.id, tt.method, tt.path, tt.pass)
		if status != tt.status || !strings.Contains(body, tt.words) {
			t.Errorf("%s: %d %s", tt.reason, status, body)
		}
	}
	if len(asked) != 1 || asked[0] != "eu-west-1 "+real+" real 1h0m0s" {
		t.Errorf("AWS was asked %q", asked)
	}
	now, refusal = now.Add(41*time.Minute), errors.New("AWS does not let Slipway assume it")
	if status, body := ask("real", "GET", Path, sessions.Make.Pass("real")); status != 502 || !strings.Contains(body, "does not let") {
		t.Errorf("a role that AWS refuses: %d %s", status, body)
	}
	var got Credentials
	_, body := ask("a", "GET", Path, sessions.Make.Pass("a"))
	if err := json.Unmarshal([]byte(body), &got); err != nil || !strings.Contains(body, `Z"}`) || got.Token == "" || time.Until(got.Expiration) < time.Hour {
		t.Errorf("%s: %v", body, err)
	}
}
