package router

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestPrivateHosts(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	defer app.Close()
	r := New(Options{})
	r.SetPrivateHosts(map[string]string{"Inner.localhost": "svc"}) // before there is such a service
	get := func(h http.Handler, host string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil))
		return w.Code
	}
	if got := get(r.Private(), "inner.localhost:9"); got != http.StatusNotFound {
		t.Errorf("a service that is not there answers %d", got)
	}
	if err := r.SetService(Route{ServiceID: "svc", State: Serving, MaxConcurrency: 1}); err != nil {
		t.Fatal(err)
	}
	r.SetPrivateHosts(map[string]string{"Inner.localhost": "svc", "*.shop.internal": "svc"})
	if err := r.AddInstance("svc", Instance{ID: "1", Address: netip.MustParseAddrPort(app.Listener.Addr().String()), Healthy: true}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		handler http.Handler
		host    string
		want    int
		why     string
	}{
		{r.Private(), "inner.localhost:9", 200, "the private listener knows the host"},
		{r.Private(), "a.shop.internal", 200, "a wildcard covers one label"},
		{r.Private(), "a.b.shop.internal", 404, "and no more than one"},
		{r, "inner.localhost:9", 404, "the public one does not"},
		{r.Private(), "other.localhost", 404, "a host of nobody"},
	} {
		if got := get(c.handler, c.host); got != c.want {
			t.Errorf("%s: %d, want %d", c.why, got, c.want)
		}
	}
	r.SetPrivateHosts(nil)
	if got := get(r.Private(), "inner.localhost"); got != http.StatusNotFound {
		t.Errorf("a host that was taken away answers %d", got)
	}
}
