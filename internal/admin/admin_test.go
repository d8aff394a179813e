package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/metrics"
)

const (
	keyID, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	region        = "eu-west-1"
	arn           = "arn:aws:apprunner:eu-west-1:123456789012:service/web/0123"
	goneARN       = "arn:aws:apprunner:eu-west-1:123456789012:service/gone/4567" // deleted, so it is not listed
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// world is everything behind the API.
type world struct {
	here   apprunner.Place // of the last request
	lines  []admin.Line
	err    error // after the lines
	asked  string
	logins map[string]string
	rights []string // asked for
	denied error
	keys   map[string]admin.NewKey
	series []metrics.Series
	query  metrics.Query // the last one
}

func (w *world) Authorize(_ context.Context, who sigv4.Identity, action, resource string) error {
	w.rights = append(w.rights, who.AccessKeyID+" "+action+" "+resource)
	return w.denied
}

func (w *world) CreateKey(_ context.Context, name string, policy []byte) (admin.Key, error) {
	if name == "taken" {
		return admin.Key{}, apprunner.Errorf(apprunner.InvalidRequest, "The name is taken.")
	}
	w.keys[name] = admin.NewKey{Name: name, Policy: policy}
	return admin.Key{ID: "AKIA1", Secret: "told once", Name: name, CreatedAt: noon, Policy: policy}, nil
}

func (w *world) DeleteKey(_ context.Context, id string) (bool, error) {
	_, found := w.keys[id]
	delete(w.keys, id)
	return found, nil
}

func (w *world) ListKeys() (all []admin.Key) {
	for name := range w.keys {
		all = append(all, admin.Key{ID: "AKIA1", Name: name})
	}
	return all
}

func (w *world) Services(_ context.Context, here apprunner.Place) ([]apprunner.Service, error) {
	w.here = here
	return []apprunner.Service{{Name: "other", ID: "9999", ARN: "x"}, {Name: "web", ID: "0123", ARN: arn}}, nil
}

func (w *world) ServiceByID(_ context.Context, here apprunner.Place, got string) (apprunner.Service, error) {
	w.here = here
	if !strings.HasSuffix(arn, "/"+got) && !strings.HasSuffix(goneARN, "/"+got) {
		return apprunner.Service{}, apprunner.Errorf(apprunner.ResourceNotFound, "There is no service with id %s.", got)
	}
	return apprunner.Service{Name: "web", ID: "0123", ARN: arn}, nil
}

func (w *world) Operations(_ context.Context, _ apprunner.Place, got string) ([]apprunner.Operation, error) {
	if got != arn {
		return nil, errors.New("the wrong service")
	}
	return []apprunner.Operation{
		{ID: "2", Type: apprunner.UpdateService, Status: apprunner.OperationRollbackSucceeded, Step: apprunner.StepDone, Reason: "it listens elsewhere", StartedAt: noon, EndedAt: noon},
		{ID: "1", Type: apprunner.CreateService, Status: apprunner.OperationInProgress, Step: apprunner.StepPull, StartedAt: noon},
	}, nil
}

func (w *world) Read(_ context.Context, s apprunner.Service, stream string, since time.Time, follow bool) iter.Seq2[admin.Line, error] {
	w.asked = strings.Join([]string{s.Name, stream, since.Format(time.RFC3339), map[bool]string{true: "follow"}[follow]}, " ")
	return func(yield func(admin.Line, error) bool) {
		for _, line := range w.lines {
			if !yield(line, nil) {
				return
			}
		}
		if w.err != nil {
			yield(admin.Line{}, w.err)
		}
	}
}

func (w *world) SetLogin(_ context.Context, host, user, password string) error {
	w.logins[host] = user + ":" + password
	return nil
}

func (w *world) RemoveLogin(_ context.Context, host string) (bool, error) {
	_, found := w.logins[host]
	delete(w.logins, host)
	return found, nil
}

func (w *world) Logins(context.Context) ([]string, error) {
	var hosts []string
	for host := range w.logins {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	return hosts, nil
}

func serve(t *testing.T, w *world) string {
	t.Helper()
	w.logins, w.keys = map[string]string{}, map[string]admin.NewKey{}
	api := &admin.API{
		Verifier:   &sigv4.Verifier{Keys: sigv4.Static{keyID: secret}, Services: []string{"apprunner", admin.Service}, Now: time.Now},
		Authorizer: w, Keys: w, Services: w, Deployments: w, Running: w, Connections: hubs{w}, Logs: w, Metrics: w, Scalings: scalings{}, Logins: w, Changes: changing{}, Detector: w, Health: w, Account: "123456789012", Log: slog.New(slog.DiscardHandler),
	}
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	return server.URL + admin.Prefix
}

// send does a request that is signed for a service, or not at all.
func send(t *testing.T, service, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if service != "" {
		if err := sigv4.Sign(r, []byte(body), keyID, secret, region, service, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	out, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(out)
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	url := serve(t, &world{})
	for _, path := range []string{"services/web/logs", "services/web/operations", "registries", "keys"} {
		if status, body := send(t, "", http.MethodGet, url+path, ""); status != http.StatusForbidden {
			t.Errorf("%s without a signature: %d %s", path, status, body)
		}
		if status, body := send(t, "apprunner", http.MethodGet, url+path, ""); status != http.StatusForbidden || !strings.Contains(body, "correct service: 'slipway'") {
			t.Errorf("%s signed for another service: %d %s", path, status, body)
		}
		if status, body := send(t, admin.Service, http.MethodGet, url+path, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := send(t, admin.Service, http.MethodPut, url+"registries/x", strings.Repeat("x", 65<<10)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a request of 65 KiB: %d", status)
	}
	if status, _ := send(t, admin.Service, http.MethodPost, url+"registries", ""); status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", status)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	w := &world{}
	base := serve(t, w)
	for _, name := range []string{"web", "0123", url.PathEscape(arn), url.PathEscape(goneARN)} {
		status, body := send(t, admin.Service, http.MethodGet, base+"services/"+name+"/operations", "")
		var got []admin.Operation
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, status, body)
		}
		want := []admin.Operation{
			{ID: "2", Type: "UPDATE_SERVICE", Status: "ROLLBACK_SUCCEEDED", Step: "done", Reason: "it listens elsewhere", StartedAt: noon, EndedAt: noon},
			{ID: "1", Type: "CREATE_SERVICE", Status: "IN_PROGRESS", Step: "pull", StartedAt: noon},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("operations of %s (-want +got):\n%s", name, diff)
		}
	}
	if w.here != (apprunner.Place{Account: "123456789012", Region: region}) {
		t.Errorf("looked in %v; the Region is that of the signature", w.here)
	}
	if status, body := send(t, admin.Service, http.MethodGet, base+"services/none/operations", ""); status != http.StatusNotFound || !strings.Contains(body, `There is no service \"none\" in Region eu-west-1.`) {
		t.Errorf("an unknown service: %d %s", status, body)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	line := admin.Line{Time: noon, Stream: "events", Text: "<it> began"}
	for name, c := range map[string]struct {
		query  string
		err    error
		status int
		asked  string
		words  string
		lines  int
	}{
		"all":                   {"stream=events", nil, 200, "web events 0001-01-01T00:00:00Z ", "began", 1},
		"since":                 {"stream=events&since=2026-11-23T12:00:00Z", nil, 200, "web events 2026-11-23T12:00:00Z ", "began", 1},
		"follow":                {"stream=application&follow=1", nil, 200, "web application 0001-01-01T00:00:00Z follow", "began", 1},
		"bad time":              {"since=yesterday", nil, 400, "", `since=\"yesterday\" is not a time`, 0},
		"broken while followed": {"stream=events&follow=1", errors.New("disk"), 200, "web events 0001-01-01T00:00:00Z follow", "Slipway could not read on: disk", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{lines: []admin.Line{line}, err: c.err}
			status, body := send(t, admin.Service, http.MethodGet, serve(t, w)+"services/web/logs?"+c.query, "")
			if status != c.status || !strings.Contains(body, c.words) || w.asked != c.asked {
				t.Errorf("%d %s; asked for %q", status, body, w.asked)
			}
			decoder, n := json.NewDecoder(strings.NewReader(body)), 0
			for got := (admin.Line{}); status == http.StatusOK && decoder.Decode(&got) == nil; n++ {
			}
			if n != c.lines {
				t.Errorf("%d lines, want %d", n, c.lines)
			}
		})
	}
}

// A log that is not there is not found; a fault says nothing of the inside.
func TestLogFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		words  string
	}{
		"no log yet": {apprunner.Errorf(apprunner.ResourceNotFound, "Service web has no log."), http.StatusNotFound, "has no log"},
		"a fault":    {errors.New("secret path"), http.StatusInternalServerError, "An internal error occurred."},
	} {
		status, body := send(t, admin.Service, http.MethodGet, serve(t, &world{err: c.err})+"services/web/logs?stream=events", "")
		if status != c.status || !strings.Contains(body, c.words) || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	w := &world{}
	url := serve(t, w)
	if status, body := send(t, admin.Service, http.MethodGet, url+"registries", ""); status != 200 || strings.TrimSpace(body) != "[]" {
		t.Errorf("none: %d %s", status, body)
	}
	for _, bad := range []string{"", "{", `{"User":"a"}`, `{"Password":"b"}`} {
		if status, body := send(t, admin.Service, http.MethodPut, url+"registries/registry.example", bad); status != http.StatusBadRequest || !strings.Contains(body, "needs a User and a Password") {
			t.Errorf("login %q: %d %s", bad, status, body)
		}
	}
	if status, body := send(t, admin.Service, http.MethodPut, url+"registries/registry.example:5000", `{"User":"a","Password":"b"}`); status != 200 {
		t.Errorf("login: %d %s", status, body)
	}
	if w.logins["registry.example:5000"] != "a:b" {
		t.Errorf("logins %v", w.logins)
	}
	if status, body := send(t, admin.Service, http.MethodGet, url+"registries", ""); status != 200 || strings.TrimSpace(body) != `["registry.example:5000"]` {
		t.Errorf("one, without its password: %d %s", status, body)
	}
	for _, want := range []int{http.StatusOK, http.StatusNotFound} {
		if status, _ := send(t, admin.Service, http.MethodDelete, url+"registries/registry.example:5000", ""); status != want {
			t.Errorf("delete: %d, want %d", status, want)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := &world{}
	url := serve(t, w) + "keys"
	for _, bad := range []string{"", "{", `{"Name":"ci"}`} {
		if status, body := send(t, admin.Service, http.MethodPost, url, bad); status != http.StatusBadRequest || !strings.Contains(body, "needs a Policy") {
			t.Errorf("key %q: %d %s", bad, status, body)
		}
	}
	if status, body := send(t, admin.Service, http.MethodPost, url, `{"Name":"taken","Policy":{}}`); status != http.StatusBadRequest || !strings.Contains(body, "The name is taken.") {
		t.Errorf("a taken name: %d %s", status, body)
	}
	if status, body := send(t, admin.Service, http.MethodPost, url, `{"Name":"ci","Policy":{"a":1}}`); status != 200 || !strings.Contains(body, "told once") || string(w.keys["ci"].Policy) != `{"a":1}` {
		t.Errorf("a key: %d %s", status, body)
	}
	if status, body := send(t, admin.Service, http.MethodGet, url, ""); status != 200 || !strings.Contains(body, `"Name":"ci"`) || strings.Contains(body, "Secret") {
		t.Errorf("list: %d %s", status, body)
	}
	for _, want := range []int{http.StatusOK, http.StatusNotFound} {
		if status, _ := send(t, admin.Service, http.MethodDelete, url+"/ci", ""); status != want {
			t.Errorf("delete: %d, want %d", status, want)
		}
	}
}

// refusal is what an authorizer answers.
type refusal string

func (r refusal) Error() string          { return string(r) }
func (refusal) Exception() (string, int) { return "AccessDeniedException", http.StatusForbidden }

// Every request asks for its right before it does or tells anything.
func TestRights(t *testing.T) {
	t.Parallel()
	w := &world{denied: refusal("User x is not authorized")}
	url := serve(t, w)
	w.logins["h"] = "a:b"
	for request, right := range map[string]string{
		"GET services/web/logs?stream=events": "slipway:GetLogs " + arn,
		"GET services/none/logs":              "slipway:GetLogs arn:aws:apprunner:eu-west-1:123456789012:service/none/*",
		"GET services/web/operations":         "slipway:ListOperations " + arn,
		"GET services/web/scaling":            "slipway:GetScaling " + arn,
		"GET services/web/metrics":            "slipway:GetMetrics " + arn,
		"GET services/web/revisions":          "slipway:ListRevisions " + arn,
		"GET services/web/instances":          "slipway:ListInstances " + arn,
		"POST services/web/rollback":          "slipway:Rollback " + arn,
		"POST services/web/cancel":            "slipway:CancelOperation " + arn,
		"POST services/web/deploy-commit":     "slipway:DeployCommit " + arn,
		"GET registries":                      "slipway:ListRegistryLogins *",
		"GET connections":                     "slipway:ListConnections *",
		"POST connections":                    "slipway:CreateConnection arn:aws:apprunner:eu-west-1:123456789012:connection/hub1/*",
		"POST connections/hub1/authorize":     "slipway:AuthorizeConnection " + connectionARN,
		"GET connections/hub1/repositories":   "slipway:ListRepositories " + connectionARN,
		"GET connections/hub1/branches":       "slipway:ListBranches " + connectionARN,
		"DELETE connections/hub1":             "slipway:DeleteConnection " + connectionARN,
		"DELETE connections/none":             "slipway:DeleteConnection arn:aws:apprunner:eu-west-1:123456789012:connection/none/*",
		"PUT registries/h":                    "slipway:PutRegistryLogin arn:aws:slipway:eu-west-1:123456789012:registry/h",
		"DELETE registries/h":                 "slipway:DeleteRegistryLogin arn:aws:slipway:eu-west-1:123456789012:registry/h",
		"GET keys":                            "slipway:ListKeys *",
		"GET backup":                          "slipway:Backup *",
		"POST keys":                           "slipway:CreateKey *",
		"DELETE keys/AKIA1":                   "slipway:DeleteKey arn:aws:slipway:eu-west-1:123456789012:key/AKIA1",
	} {
		w.rights = nil
		method, path, _ := strings.Cut(request, " ")
		status, body := send(t, admin.Service, method, url+path, `{"User":"a","Password":"c","Policy":{},"Name":"hub1"}`)
		if status != http.StatusForbidden || !strings.Contains(body, "User x is not authorized") {
			t.Errorf("%s: %d %s", request, status, body)
		}
		if diff := cmp.Diff([]string{keyID + " " + right}, w.rights); diff != "" {
			t.Errorf("%s asks (-want +got):\n%s", request, diff)
		}
	}
	if w.logins["h"] != "a:b" || len(w.keys) > 0 || w.asked != "" {
		t.Error("a refused request was done")
	}
}
