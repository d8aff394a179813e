package daemon

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/vault"
)

// A daemon that was killed comes back to what the store says: which revision gets traffic, which one
// is being deployed, and why there is none.
func TestKnown(t *testing.T) {
	t.Parallel()
	box, err := vault.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"), box)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &Daemon{store: store}
	place := apprunner.Place{Account: "000000000000", Region: "us-east-1"}
	const create, update, deploy, pause, resume, remove = apprunner.CreateService, apprunner.UpdateService, apprunner.StartDeployment, apprunner.PauseService, apprunner.ResumeService, apprunner.DeleteService
	const running, paused, failed, gone, busy = apprunner.ServiceRunning, apprunner.ServicePaused, apprunner.ServiceCreateFailed, apprunner.ServiceDeleted, apprunner.ServiceInProgress
	for n, c := range []struct {
		status             apprunner.ServiceStatus
		revision           string // that the service has
		kind               apprunner.OperationType
		step               apprunner.Step
		target             string // revision of the operation
		rebuild            bool
		serving, deploying string
		hold               fleet.Hold
	}{
		{running, "old", "", "", "", false, "old", "", ""},
		{paused, "old", "", "", "", false, "", "", fleet.HoldPaused},
		{failed, "", "", "", "", false, "", "", fleet.HoldFailed},
		{gone, "old", "", "", "", false, "", "", fleet.HoldDeleted},
		{busy, "", create, apprunner.StepResolve, "", false, "", "", fleet.HoldStarting},
		{busy, "", create, apprunner.StepProvision, "new", false, "", "new", fleet.HoldStarting},
		{busy, "new", create, apprunner.StepDrain, "new", false, "new", "", ""},
		{busy, "old", update, apprunner.StepResolve, "", false, "old", "", ""},
		{busy, "old", update, apprunner.StepProvision, "new", false, "old", "new", ""},
		{busy, "new", update, apprunner.StepDrain, "new", false, "new", "", ""},
		{busy, "old", update, apprunner.StepRollback, "new", false, "old", "new", ""},
		{busy, "old", deploy, apprunner.StepPull, "new", false, "old", "new", ""},
		{busy, "", update, apprunner.StepProvision, "new", true, "", "new", fleet.HoldFailed},
		{busy, "new", update, apprunner.StepDone, "new", true, "new", "", ""},
		{busy, "old", pause, apprunner.StepStop, "", false, "", "", fleet.HoldPaused},
		{busy, "old", resume, apprunner.StepProvision, "old", false, "", "old", fleet.HoldPaused},
		{busy, "old", resume, apprunner.StepRoute, "old", false, "", "old", fleet.HoldPaused},
		{busy, "old", resume, apprunner.StepDone, "old", false, "old", "", ""},
		{busy, "old", resume, apprunner.StepRollback, "old", false, "", "old", fleet.HoldPaused},
		{busy, "old", remove, apprunner.StepStop, "", false, "", "", fleet.HoldDeleted},
	} {
		name := fmt.Sprintf("%d %s %s %s", n, c.status, c.kind, c.step)
		s := apprunner.Service{
			ID: fmt.Sprint("s", n), Name: name, Region: place.Region, Subdomain: fmt.Sprint("sub", n), ARN: name,
			Status: c.status, RevisionID: id(n, c.revision), CreatedAt: time.Now(),
		}
		o := apprunner.Operation{ID: fmt.Sprint("o", n), ServiceID: s.ID, Type: c.kind, Step: c.step, RevisionID: id(n, c.target), Rebuild: c.rebuild, Status: apprunner.OperationInProgress}
		err := store.CreateService(t.Context(), place, func([]apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
			return s, o, nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for number, revision := range []string{"old", "new"} {
			r := apprunner.Revision{ID: id(n, revision), ServiceID: s.ID, Number: number + 1}
			if err := store.Record(t.Context(), s, o, &r); err != nil {
				t.Fatal(err)
			}
		}
		if c.kind == "" {
			o = apprunner.Operation{}
		}
		k, err := d.known(t.Context(), s, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := named(k.Serving); got != id(n, c.serving) {
			t.Errorf("%s: traffic goes to %q, want %q", name, got, c.serving)
		}
		if got := named(k.Deploying); got != id(n, c.deploying) {
			t.Errorf("%s: deployed is %q, want %q", name, got, c.deploying)
		}
		if c.hold != "" && k.Hold != c.hold {
			t.Errorf("%s: held for %q, want %q", name, k.Hold, c.hold)
		}
	}
}

func id(n int, revision string) string {
	if revision == "" {
		return ""
	}
	return fmt.Sprint(revision, n)
}

func named(r *apprunner.Revision) string {
	if r == nil {
		return ""
	}
	return r.ID
}

func TestCheckImage(t *testing.T) {
	t.Parallel()
	here := apprunner.Place{Account: "000000000000", Region: "us-east-1"}
	const role = "arn:aws:iam::000000000000:role/pull"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	d := &Daemon{config: Config{Account: here.Account, Region: here.Region}, api: listener}
	for _, c := range []struct {
		identifier string
		kind       apprunner.ImageType
		role       string
		words      string
	}{
		{"nginx", apprunner.ECR, "", ""},
		{"ghcr.io/a/b:1", apprunner.ECR, "", ""},
		{listener.Addr().String() + "/a", apprunner.ECR, "", ""},
		{"public.ecr.aws/a/b", apprunner.ECRPublic, "", ""},
		{"000000000000.dkr.ecr.us-east-1.amazonaws.com/a", apprunner.ECR, role, ""},
		{"000000000000.dkr.ecr.us-east-1.amazonaws.com/a", apprunner.ECR, "", "Invalid Access Role in AuthenticationConfiguration."},
		{"public.ecr.aws/a/b", apprunner.ECR, "", "does not fit ImageRepositoryType ECR"},
		{"nginx", apprunner.ECRPublic, "", "does not fit ImageRepositoryType ECR_PUBLIC"},
		{"https://nginx", apprunner.ECR, "", "leave out https://"},
	} {
		err := d.checkImage(apprunner.Image{Identifier: c.identifier, Type: c.kind}, c.role, here)
		if (err == nil) != (c.words == "") || (err != nil && (!strings.Contains(err.Error(), c.words) || apprunner.CodeOf(err) != apprunner.InvalidRequest)) {
			t.Errorf("%s as %s: %v, want %q", c.identifier, c.kind, err, c.words)
		}
	}
}

// Calls of the AWS API and pages share an address.
func TestWithAWS(t *testing.T) {
	t.Parallel()
	say := func(word string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, word) })
	}
	handler := withAWS(say("aws"), say("pages"))
	for _, c := range []struct {
		method, url, header, value, want string
	}{
		{http.MethodGet, "/", "", "", "pages"},
		{http.MethodPost, "/services", "", "", "pages"},
		{http.MethodPost, "/", "", "", "aws"},
		{http.MethodPost, "/x", "X-Amz-Target", "AppRunner.ListServices", "aws"},
		{http.MethodGet, "/", "Authorization", "AWS4-HMAC-SHA256 Credential=…", "aws"},
		{http.MethodGet, "/", "Authorization", "Basic eDp5", "pages"},
		{http.MethodGet, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256", "", "", "aws"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.url, nil)
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Body.String() != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.method, c.url, c.value, w.Body, c.want)
		}
	}
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1:80", "0.0.0.0:7420": "127.0.0.1:7420", "[::]:7420": "127.0.0.1:7420", "192.0.2.1:1": "192.0.2.1:1",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachable(tcp); got != want {
			t.Errorf("%s is reached at %s, want %s", address, got, want)
		}
	}
}
