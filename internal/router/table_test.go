package router

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSetServiceRefuses(t *testing.T) {
	r := New(Options{})
	if err := r.SetService(Route{ServiceID: "other", Hosts: []string{"taken.localhost"}, MaxConcurrency: 1}); err != nil {
		t.Fatal(err)
	}
	for name, route := range map[string]Route{
		"no id":           {MaxConcurrency: 1},
		"no concurrency":  {ServiceID: "svc"},
		"empty host":      {ServiceID: "svc", MaxConcurrency: 1, Hosts: []string{":80"}},
		"host of another": {ServiceID: "svc", MaxConcurrency: 1, Hosts: []string{"new.localhost", "Taken.localhost."}},
	} {
		if err := r.SetService(route); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, ok := r.Stats("svc"); ok {
			t.Errorf("%s: the refused route left something", name)
		}
	}
	if r.lookup("new.localhost") != nil {
		t.Error("the refused route left a host")
	}
	for what, err := range map[string]error{
		"add":    r.AddInstance("none", Instance{}),
		"switch": second(r.Switch("none", nil)),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s of an unknown service: %v", what, err)
		}
	}
}

func second[A, B any](_ A, b B) B { return b }

func (r *Router) lookup(host string) *service { return r.find(canonicalHost(host)) }

func TestWildcards(t *testing.T) {
	r := New(Options{})
	for id, hosts := range map[string][]string{
		"any": {"*.example.com", "other.example"}, "shop": {"shop.example.com"}, "deep": {"*.deep.example.com"},
	} {
		if err := r.SetService(Route{ServiceID: id, Hosts: hosts, MaxConcurrency: 1}); err != nil {
			t.Fatal(err)
		}
	}
	for host, want := range map[string]string{
		"www.example.com":        "any",
		"WWW.Example.com.:8080":  "any",
		"shop.example.com":       "shop", // more specific beats less specific
		"a.deep.example.com":     "deep",
		"deep.example.com":       "any",
		"example.com":            "", // the star stands for one label, neither none
		"a.b.example.com":        "", // nor two
		"a.b.c.deep.example.com": "",
		".example.com":           "",
		"other.example":          "any",
		"a.other.example":        "",
		"":                       "",
	} {
		got := ""
		if s := r.lookup(host); s != nil {
			got = s.id
		}
		if got != want || r.Has(host) != (want != "") {
			t.Errorf("host %q goes to %q, want %q", host, got, want)
		}
	}
}

func TestSetHosts(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", reply("ok"))
	if err := f.router.SetService(Route{ServiceID: "other", Hosts: []string{"taken.example"}, MaxConcurrency: 1}); err != nil {
		t.Fatal(err)
	}
	for name, hosts := range map[string][]string{"taken": {testHost, "taken.example"}, "empty": {""}} {
		if err := f.router.SetHosts("svc", hosts); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := f.router.SetHosts("none", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("hosts of an unknown service: %v", err)
	}
	if !f.router.Has(testHost) {
		t.Fatal("a refused change took a host away")
	}
	get := func(host string) int {
		req := f.request(t.Context(), http.MethodGet, "/", nil)
		req.Host = host
		res, _ := f.do(req)
		return res.StatusCode
	}
	if err := f.router.SetHosts("svc", []string{testHost, "*.example.org"}); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{testHost: 200, "new.example.org": 200, "example.org": 404} {
		if got := get(host); got != want {
			t.Errorf("%s answers %d, want %d", host, got, want)
		}
	}
	if err := f.router.SetHosts("svc", []string{testHost}); err != nil {
		t.Fatal(err)
	}
	if got := get("new.example.org"); got != 404 {
		t.Errorf("a host that was taken away answers %d", got)
	}
}

func TestTableModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := New(Options{})
		model := map[string]string{} // host to service
		host := rapid.SampledFrom([]string{"a.localhost", "b.localhost", "c.localhost", "d.localhost"})
		id := rapid.SampledFrom([]string{"1", "2", "3"})
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				id, hosts := id.Draw(t, "id"), rapid.SliceOfDistinct(host, rapid.ID).Draw(t, "hosts")
				free := true
				for _, h := range hosts {
					free = free && (model[h] == "" || model[h] == id)
				}
				err := r.SetService(Route{ServiceID: id, Hosts: hosts, MaxConcurrency: 1})
				if (err == nil) != free {
					t.Fatalf("hosts %q free: %v, but %v", hosts, free, err)
				}
				if err != nil {
					return
				}
				for h, other := range model {
					if other == id {
						delete(model, h)
					}
				}
				for _, h := range hosts {
					model[h] = id
				}
			},
			"remove": func(t *rapid.T) {
				id := id.Draw(t, "id")
				r.RemoveService(id)
				for h, other := range model {
					if other == id {
						delete(model, h)
					}
				}
			},
			"": func(t *rapid.T) {
				if got := len(*r.hosts.Load()); got != len(model) {
					t.Fatalf("%d hosts, want %d", got, len(model))
				}
				for h, id := range model {
					if s := r.lookup(strings.ToUpper(h) + ".:80"); s == nil || s.id != id {
						t.Fatalf("host %q goes to %v, want %q", h, s, id)
					}
				}
			},
		})
	})
}

func FuzzCanonicalHost(f *testing.F) {
	for _, h := range []string{"A.b.localhost:80", "a.", "[::1]:80", "[", ":", "", "a:b:c", "..:"} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, host string) {
		key := canonicalHost(host)
		if key != strings.ToLower(key) {
			t.Errorf("key %q of host %q is not in lower case", key, host)
		}
		if strings.ContainsAny(host, "[]:") {
			return
		}
		for _, same := range []string{host + ":8080", strings.ToLower(host)} {
			if other := canonicalHost(same); other != key {
				t.Errorf("%q is %q, but %q is %q", host, key, same, other)
			}
		}
	})
}

func TestTableChangesWhileServing(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", reply("ok"))
	stop := make(chan struct{})
	var change sync.WaitGroup
	change.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			id := fmt.Sprint("other-", i%7)
			if i%2 == 0 {
				_ = f.router.SetService(Route{ServiceID: id, Hosts: []string{id + ".localhost"}, MaxConcurrency: 1, State: Serving})
			} else {
				f.router.RemoveService(id)
			}
			f.set(Route{ServiceID: "svc", Hosts: []string{testHost}, MaxConcurrency: 1 + i%3, State: Serving})
		}
	})
	for range 300 {
		if res, body := f.get("/"); body != "ok" {
			t.Fatalf("got %d %q", res.StatusCode, body)
		}
	}
	close(stop)
	change.Wait()
}

func TestPages(t *testing.T) {
	for name, tc := range map[string]struct {
		route   Route
		host    string
		status  int
		retry   bool
		says    []string
		request string // "" for none that is in the way
	}{
		"unknown host":        {host: "nobody.localhost", status: 404, says: []string{"nobody.localhost", "slipway services", "list-services"}},
		"paused":              {route: Route{State: Paused}, status: 503, retry: true, says: []string{"paused", "slipway resume hello", "resume-service"}},
		"not deployed":        {route: Route{State: Pending, Reason: "Its image is being pulled."}, status: 503, retry: true, says: []string{"not deployed yet", "Its image is being pulled."}},
		"failed":              {route: Route{State: Failed, Reason: "The image was not found."}, status: 503, retry: true, says: []string{"The image was not found.", "slipway events hello"}},
		"no instance in time": {route: Route{State: Serving}, status: 503, retry: true, says: []string{"became ready", "slipway events hello"}},
	} {
		for accept, html := range map[string]bool{
			"": false, "*/*": false, "text/plain, text/html;q=0.5": false, "text/html;q=0": false, "application/json": false,
			"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": true,
		} {
			t.Run(name+" "+accept, func(t *testing.T) {
				f := newFixture(t, Options{QueueWait: 5 * time.Millisecond}, tc.route)
				req := f.request(t.Context(), http.MethodGet, "/", nil)
				if tc.host != "" {
					req.Host = tc.host
				}
				req.Header.Set("Accept", accept)
				res, body := f.do(req)
				if res.StatusCode != tc.status || (res.Header.Get("Retry-After") != "") != tc.retry {
					t.Errorf("status %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
				}
				if isHTML := strings.HasPrefix(res.Header.Get("Content-Type"), "text/html"); isHTML != html || strings.Contains(body, "<html") != html {
					t.Errorf("content type %q for Accept %q", res.Header.Get("Content-Type"), accept)
				}
				for _, text := range tc.says {
					if !strings.Contains(body, text) {
						t.Errorf("does not say %q:\n%s", text, body)
					}
				}
				if strings.Contains(body, "http://") || strings.Contains(body, "src=") {
					t.Errorf("the page needs something from elsewhere:\n%s", body)
				}
			})
		}
	}
}

func TestPagesEscapeTheHost(t *testing.T) {
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Host = "<script>alert(1)</script>"
	req.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	New(Options{}).ServeHTTP(w, req)
	if w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "<script>") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestTooManyRequests(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving, MaxConcurrency: 1})
	hold := make(chan struct{})
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	})
	var waiting sync.WaitGroup
	for range 1 + queueFactor {
		waiting.Go(func() { f.get("/") })
	}
	eventually(t, "the queue is full", func() bool { return f.stats().Queued == queueFactor })
	select {
	case <-f.seen.demand:
	default:
		t.Error("demand was not told while requests wait")
	}
	res, body := f.get("/")
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" || !strings.HasPrefix(body, "429 Too Many Requests\n") {
		t.Errorf("got %d %q", res.StatusCode, body)
	}
	close(hold)
	waiting.Wait()
	eventually(t, "all are counted", func() bool {
		s := f.stats().Service
		return s.Status[2] == 1+queueFactor && s.Status[4] == 1 && s.Requests == 2+queueFactor
	})
}

func TestPausingRefusesThoseThatWait(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	answer := make(chan *http.Response)
	go func() { res, _ := f.get("/"); answer <- res }() // no instance: it is held
	eventually(t, "the request waits", func() bool { return f.stats().Queued == 1 })
	f.set(Route{ServiceID: "svc", Hosts: []string{testHost}, MaxConcurrency: 1, State: Paused})
	if res := <-answer; res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d", res.StatusCode)
	}
}

func TestClientThatLeavesTheQueueWithASmallBodyIsNoticed(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	conn := f.connect()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 4\r\n\r\nbody", testHost)
	eventually(t, "the request waits", func() bool { return f.stats().Queued == 1 })
	conn.Close()
	eventually(t, "it left the queue", func() bool { return f.stats().Queued == 0 })
	eventually(t, "it is counted as gone", func() bool { return f.stats().Service.Status[0] == 1 })
}
