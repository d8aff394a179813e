package control_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/control"
)

func contains(s, words string) bool { return strings.Contains(s, words) }

func TestCreateService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, o, err := w.CreateService(t.Context(), here, control.NewService{
		Name: "web", Change: image("registry.example/web:1"), Tags: map[string]string{"team": "blue"}, KMSKey: "arn:aws:kms:us-east-1:123456789012:key/1",
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Status != apprunner.ServiceInProgress || s.ARN != "arn:aws:apprunner:us-east-1:123456789012:service/web/"+s.ID || s.KMSKey == "" {
		t.Errorf("made %+v", s)
	}
	want := apprunner.DefaultSpec()
	want.Image.Identifier, want.Image.Type, want.AutoDeploy = "registry.example/web:1", apprunner.ECR, true
	want.ScalingARN = "arn:aws:apprunner:us-east-1:123456789012:autoscalingconfiguration/DefaultConfiguration/1/00000000000000000000000000000001"
	if diff := cmp.Diff(want, s.Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if o.Type != apprunner.CreateService || o.ServiceID != s.ID || o.Status != apprunner.OperationPending {
		t.Errorf("began %+v", o)
	}
	if diff := cmp.Diff([]apprunner.Operation{o}, w.submitted); diff != "" {
		t.Errorf("submitted (-want +got):\n%s", diff)
	}
	got, err := w.Service(t.Context(), here, s.ARN)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if tags, err := w.Tags(t.Context(), here, s.ARN); err != nil || tags["team"] != "blue" {
		t.Errorf("tags %v, %v", tags, err)
	}
}

func TestCreateServiceRefuses(t *testing.T) {
	t.Parallel()
	with := func(change func(*apprunner.Change)) control.NewService {
		c := image("registry.example/web")
		change(&c)
		return control.NewService{Name: "web", Change: c}
	}
	yes := true
	for name, c := range map[string]struct {
		req   control.NewService
		words string
	}{
		"no source": {control.NewService{Name: "web"}, ""},
		"bad image": {with(func(c *apprunner.Change) { c.Source.Image.Identifier = "BAD" }), "ImageIdentifier \"BAD\""},
		"code":      {with(func(c *apprunner.Change) { c.Source.Code = &apprunner.CodeChange{} }), "exactly one of"},
		"bad code":  {code("BAD"), "RepositoryUrl \"BAD\""},
		"bad port":  {with(func(c *apprunner.Change) { c.Source.Image.Port = "http" }), `Port "http"`},
		"secrets": {with(func(c *apprunner.Change) { c.Source.Image.Secrets = map[string]string{"A": "arn"} }),
			"Instance Role have to be provided if passing in RuntimeEnvironmentSecrets."},
		"reserved variable": {with(func(c *apprunner.Change) { c.Source.Image.Variables = map[string]string{"AWSAPPRUNNER_X": "1"} }),
			"AWSAPPRUNNER is reserved"},
		"auto deployment of ECR Public": {with(func(c *apprunner.Change) { c.Source.Image.Type, c.Source.AutoDeploy = apprunner.ECRPublic, &yes }),
			"App Runner doesn't support automatic deployments for an image in an ECR Public repository."},
		"size":         {with(func(c *apprunner.Change) { c.Instance = &apprunner.InstanceChange{CPU: "256", Memory: "4096"} }), "not a supported combination"},
		"VPC":          {with(func(c *apprunner.Change) { c.Network = &apprunner.Network{VPCConnector: "arn"} }), "is not an App Runner ARN"},
		"tracing":      {with(func(c *apprunner.Change) { c.Observability = &apprunner.Observability{ARN: "arn"} }), "ObservabilityEnabled is false"},
		"reserved tag": {control.NewService{Name: "web", Change: image("x"), Tags: map[string]string{"AWS:x": "1"}}, `"AWS:x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, _, err := w.CreateService(t.Context(), here, c.req)
			if name == "no source" {
				// The wire requires a source; without one the image is empty and nothing can be pulled.
				if err == nil {
					t.Skip("the wire refuses it")
				}
			}
			wantCode(t, err, apprunner.InvalidRequest, c.words)
			all, err := w.Services(t.Context(), here)
			if err != nil || len(all) != 0 || len(w.submitted) != 0 {
				t.Errorf("a refused service left %v, %v (%v)", all, w.submitted, err)
			}
		})
	}
}

func TestNamesAndQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	first := w.create(t, "one")
	_, _, err := w.CreateService(ctx, here, control.NewService{Name: "one", Change: image("x")})
	wantCode(t, err, apprunner.InvalidRequest, "Service with the provided name already exists: one.")
	if _, _, err := w.CreateService(ctx, elsewhere, control.NewService{Name: "one", Change: image("x")}); err != nil {
		t.Errorf("the same name in another Region: %v", err)
	}
	w.create(t, "two")
	w.become(t, w.create(t, "three"), apprunner.ServiceCreateFailed, "sha256:1") // counts as well
	_, _, err = w.CreateService(ctx, here, control.NewService{Name: "four", Change: image("x")})
	wantCode(t, err, apprunner.ServiceQuotaExceeded, "You have 3 services in Region us-east-1")
	w.become(t, first, apprunner.ServiceDeleted, "sha256:1") // does not, and gives its name back
	w.create(t, "one")
	names := []string{}
	all, err := w.Services(ctx, here)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"one", "three", "two"}, names); diff != "" {
		t.Errorf("services, newest first (-want +got):\n%s", diff)
	}
}

func TestUpdateService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	s := w.create(t, "web")
	_, _, err := w.UpdateService(ctx, here, s.ARN, image("x"))
	wantCode(t, err, apprunner.InvalidState, "OPERATION_IN_PROGRESS")
	s = w.become(t, s, apprunner.ServiceRunning, "sha256:1")
	_, _, err = w.UpdateService(ctx, here, s.ARN, apprunner.Change{})
	wantCode(t, err, apprunner.InvalidRequest, "No configurations provided in the UpdateService request.")
	_, _, err = w.UpdateService(ctx, here, s.ARN, image("BAD"))
	wantCode(t, err, apprunner.InvalidRequest, "ImageIdentifier")
	if got, _ := w.Service(ctx, here, s.ARN); got.Status != apprunner.ServiceRunning {
		t.Errorf("after refused updates the service is %s", got.Status)
	}
	n := len(w.submitted)
	got, o, err := w.UpdateService(ctx, here, s.ARN, apprunner.Change{Instance: &apprunner.InstanceChange{CPU: "0.25 vCPU", Memory: "0.5 GB"}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != apprunner.ServiceInProgress || got.Spec.Instance.CPU != 256 || got.Spec.Instance.Memory != 512 || got.Spec.Image.Identifier != "registry.example/web" {
		t.Errorf("updated to %+v", got)
	}
	if o.Previous == nil || o.Previous.Instance.CPU != 1024 || o.Rebuild || len(w.submitted) != n+1 {
		t.Errorf("operation %+v", o)
	}
	w.become(t, s, apprunner.ServiceCreateFailed, "sha256:2")
	if _, o, err = w.UpdateService(ctx, here, s.ARN, apprunner.Change{}); err != nil || !o.Rebuild {
		t.Errorf("rebuilding as it is: %+v, %v", o, err)
	}
}

// Every operation in every state, as the developer guide allows it.
func TestStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	s := w.create(t, "web")
	calls := map[string]func() (apprunner.Operation, error){
		"update": func() (apprunner.Operation, error) {
			_, o, err := w.UpdateService(ctx, here, s.ARN, image("x"))
			return o, err
		},
		"deploy": func() (apprunner.Operation, error) {
			_, o, err := w.StartDeployment(ctx, here, s.ARN, "")
			return o, err
		},
		"pause":  func() (apprunner.Operation, error) { _, o, err := w.PauseService(ctx, here, s.ARN); return o, err },
		"resume": func() (apprunner.Operation, error) { _, o, err := w.ResumeService(ctx, here, s.ARN); return o, err },
		"delete": func() (apprunner.Operation, error) { _, o, err := w.DeleteService(ctx, here, s.ARN); return o, err },
	}
	const yes, nothing = "yes", "nothing to do"
	const state, request, gone = string(apprunner.InvalidState), string(apprunner.InvalidRequest), string(apprunner.ResourceNotFound)
	for status, want := range map[apprunner.ServiceStatus]map[string]string{
		apprunner.ServiceRunning:      {"update": yes, "deploy": yes, "pause": yes, "resume": nothing, "delete": yes},
		apprunner.ServicePaused:       {"update": state, "deploy": request, "pause": nothing, "resume": yes, "delete": yes},
		apprunner.ServiceCreateFailed: {"update": yes, "deploy": request, "pause": state, "resume": state, "delete": yes},
		apprunner.ServiceDeleteFailed: {"update": state, "deploy": request, "pause": state, "resume": state, "delete": yes},
		apprunner.ServiceInProgress:   {"update": state, "deploy": request, "pause": state, "resume": state, "delete": state},
		apprunner.ServiceDeleted:      {"update": gone, "deploy": gone, "pause": gone, "resume": gone, "delete": gone},
	} {
		for name, call := range calls {
			w.become(t, s, status, "sha256:1")
			submitted := len(w.submitted)
			o, err := call()
			got := string(apprunner.CodeOf(err))
			if err == nil {
				got = map[bool]string{true: yes, false: nothing}[o.ID != ""]
			}
			if got != want[name] {
				t.Errorf("%s while %s: %s (%v), want %s", name, status, got, err, want[name])
			}
			if began := len(w.submitted) > submitted; began != (got == yes) {
				t.Errorf("%s while %s: an operation began: %v", name, status, began)
			}
		}
	}
}

// Of many calls at once for one service, one begins an operation.
func TestOneOperationAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.become(t, w.create(t, "web"), apprunner.ServiceRunning, "sha256:1")
	const callers = 16
	results := make(chan error, callers)
	for range callers {
		go func() {
			_, _, err := w.StartDeployment(context.WithoutCancel(t.Context()), here, s.ARN, "")
			results <- err
		}()
	}
	began := 0
	for range callers {
		if err := <-results; err == nil {
			began++
		} else {
			wantCode(t, err, apprunner.InvalidRequest, "has an operation in progress")
		}
	}
	if began != 1 || len(w.submitted) != 2 {
		t.Errorf("%d deployments began, %d operations were submitted", began, len(w.submitted))
	}
}

func TestFindingServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	s := w.create(t, "web")
	for name, c := range map[string]struct {
		place apprunner.Place
		arn   string
		code  apprunner.Code
	}{
		"no ARN":          {here, "web", apprunner.InvalidRequest},
		"another type":    {here, "arn:aws:apprunner:us-east-1:123456789012:connection/web/" + s.ID, apprunner.InvalidRequest},
		"another Region":  {elsewhere, s.ARN, apprunner.ResourceNotFound},
		"another account": {here, strings.Replace(s.ARN, "123456789012", "210987654321", 1), apprunner.ResourceNotFound},
		"unknown id":      {here, strings.Replace(s.ARN, s.ID, apprunner.NewID(), 1), apprunner.ResourceNotFound},
		"name of another": {here, strings.Replace(s.ARN, "/web/", "/other/", 1), apprunner.ResourceNotFound},
		"as it should be": {here, s.ARN, ""},
	} {
		_, err := w.Service(ctx, c.place, c.arn)
		if apprunner.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Operations(ctx, c.place, c.arn); apprunner.CodeOf(err) != c.code {
			t.Errorf("operations, %s: %v", name, err)
		}
	}
	w.become(t, s, apprunner.ServiceDeleted, "")
	if got, err := w.Service(ctx, here, s.ARN); err != nil || got.Status != apprunner.ServiceDeleted {
		t.Errorf("a service deleted just now is described for a while: %v, %v", got.Status, err)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	s := w.create(t, "web")
	scaling, err := w.CreateScaling(ctx, here, "fast", apprunner.Scaling{}, map[string]string{"a": "1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range []string{s.ARN, scaling.ARN} {
		if err := w.ChangeTags(ctx, here, arn, map[string]string{"a": "2", "b": ""}, nil); err != nil {
			t.Fatal(err)
		}
		if err := w.ChangeTags(ctx, here, arn, nil, []string{"b", "never set"}); err != nil {
			t.Fatal(err)
		}
		got, err := w.Tags(ctx, here, arn)
		if diff := cmp.Diff(map[string]string{"a": "2"}, got); err != nil || diff != "" {
			t.Errorf("tags of %s: %v (-want +got):\n%s", arn, err, diff)
		}
	}
	wantCode(t, w.ChangeTags(ctx, here, s.ARN, map[string]string{"aws:x": ""}, nil), apprunner.InvalidRequest, "may not begin with aws:")
	many := map[string]string{}
	for n := range 50 {
		many[fmt.Sprint(n)] = ""
	}
	wantCode(t, w.ChangeTags(ctx, here, s.ARN, many, nil), apprunner.InvalidRequest, "the most allowed is 50")
	if got, _ := w.Tags(ctx, here, s.ARN); len(got) != 1 {
		t.Errorf("tags that were refused are there: %v", got)
	}
	wantCode(t, w.ChangeTags(ctx, here, "arn:aws:apprunner:us-east-1:123456789012:connection/x/"+s.ID, nil, nil), apprunner.ResourceNotFound, "There is no connection")
	wantCode(t, w.ChangeTags(ctx, here, "x", nil, nil), apprunner.InvalidRequest, "is not an App Runner ARN")
	w.become(t, s, apprunner.ServiceDeleted, "")
	_, err = w.Tags(ctx, here, s.ARN)
	wantCode(t, err, apprunner.ResourceNotFound, "is deleted")
}

func TestScalings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	const prefix = "arn:aws:apprunner:us-east-1:123456789012:autoscalingconfiguration/"
	first, err := w.CreateScaling(ctx, here, "fast", apprunner.Scaling{MinSize: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(apprunner.Scaling{MinSize: 2, MaxSize: 25, MaxConcurrency: 100}, first.Scaling); diff != "" || first.Revision != 1 {
		t.Errorf("revision %d (-want +got):\n%s", first.Revision, diff)
	}
	second, err := w.CreateScaling(ctx, here, "fast", apprunner.Scaling{}, nil)
	if err != nil || second.Revision != 2 {
		t.Errorf("the second revision is %d, %v", second.Revision, err)
	}
	for _, arn := range []string{prefix + "fast", prefix + "fast/2", second.ARN} {
		if got, _, err := w.Scaling(ctx, here, arn); err != nil || got.ARN != second.ARN {
			t.Errorf("%s is %s, %v", arn, got.ARN, err)
		}
	}
	_, err = w.CreateScaling(ctx, here, "fast", apprunner.Scaling{MinSize: 9, MaxSize: 3}, nil)
	wantCode(t, err, apprunner.InvalidRequest, "MinSize 9 is above MaxSize 3")
	_, err = w.CreateScaling(ctx, here, "fast", apprunner.Scaling{}, map[string]string{"aws:x": ""})
	wantCode(t, err, apprunner.InvalidRequest, "aws:")
	_, _, err = w.Scaling(ctx, here, prefix+"slow")
	wantCode(t, err, apprunner.ResourceNotFound, "slow")

	// In use.
	arn := prefix + "fast/1"
	s, _, err := w.CreateService(ctx, here, control.NewService{Name: "web", Change: func() apprunner.Change { c := image("x"); c.Scaling = &arn; return c }()})
	if err != nil || s.Spec.ScalingARN != first.ARN {
		t.Fatalf("the service uses %q, %v", s.Spec.ScalingARN, err)
	}
	_, err = w.DeleteScaling(ctx, here, first.ARN, false)
	wantCode(t, err, apprunner.InvalidRequest, "is in use by a service")
	_, err = w.DeleteScaling(ctx, here, prefix+"fast", true)
	wantCode(t, err, apprunner.InvalidRequest, "is in use by a service")
	if users, err := w.ServicesOfScaling(ctx, here, first.ARN); err != nil || len(users) != 1 || users[0] != s.ARN {
		t.Errorf("users of the first: %v, %v", users, err)
	}
	if users, err := w.ServicesOfScaling(ctx, here, second.ARN); err != nil || len(users) != 0 {
		t.Errorf("users of the second: %v, %v", users, err)
	}

	// The default.
	if _, err := w.SetDefaultScaling(ctx, here, second.ARN); err != nil {
		t.Fatal(err)
	}
	if again, err := w.SetDefaultScaling(ctx, here, second.ARN); err != nil || !again.Default {
		t.Errorf("the default made the default: %v, %v", again, err)
	}
	_, all, err := w.Scaling(ctx, here, second.ARN)
	if err != nil {
		t.Fatal(err)
	}
	defaults := 0
	for _, c := range all {
		if c.Default {
			defaults++
		}
	}
	if defaults != 1 || all.Default().ARN != second.ARN {
		t.Errorf("%d defaults; the default is %s", defaults, all.Default().ARN)
	}
	_, err = w.DeleteScaling(ctx, here, second.ARN, false)
	wantCode(t, err, apprunner.InvalidRequest, "is the default")
	if s := w.create(t, "other"); s.Spec.ScalingARN != second.ARN {
		t.Errorf("a new service uses %s", s.Spec.ScalingARN)
	}

	// Deleted.
	third, err := w.CreateScaling(ctx, here, "fast", apprunner.Scaling{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := w.DeleteScaling(ctx, here, third.ARN, false)
	if err != nil || gone.Active() {
		t.Errorf("deleted: %+v, %v", gone, err)
	}
	_, err = w.SetDefaultScaling(ctx, here, third.ARN)
	wantCode(t, err, apprunner.InvalidRequest, "is inactive")
	_, _, err = w.UpdateService(ctx, here, w.become(t, s, apprunner.ServiceRunning, "").ARN, apprunner.Change{Scaling: &third.ARN})
	wantCode(t, err, apprunner.InvalidRequest, "is inactive. Give an active one.")
	unknown := prefix + "slow"
	_, _, err = w.UpdateService(ctx, here, s.ARN, apprunner.Change{Scaling: &unknown})
	wantCode(t, err, apprunner.InvalidRequest, "slow")
	if next, err := w.CreateScaling(ctx, here, "fast", apprunner.Scaling{}, nil); err != nil || next.Revision != 4 {
		t.Errorf("the revision after a deleted one is %d, %v; numbers are not used twice", next.Revision, err)
	}
	if other, err := w.CreateScaling(ctx, elsewhere, "fast", apprunner.Scaling{}, nil); err != nil || other.Revision != 1 {
		t.Errorf("another Region: %+v, %v", other, err)
	}
}

// brokenStore fails where it is asked.
type brokenStore struct{ control.Store }

var errStore = errors.New("the database is locked")

func (brokenStore) Services(context.Context, string) ([]apprunner.Service, error) {
	return nil, errStore
}
func (brokenStore) Service(context.Context, string) (apprunner.Service, error) {
	return apprunner.Service{}, errStore
}

func (brokenStore) Scalings(context.Context, apprunner.Place) (apprunner.Scalings, error) {
	return nil, errStore
}

// A fault of the store is not the caller's mistake.
func TestStoreFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.create(t, "web")
	w.Store = brokenStore{w.store}
	ctx := t.Context()
	_, service := w.Service(ctx, here, s.ARN)
	_, services := w.Services(ctx, here)
	_, operations := w.Operations(ctx, here, s.ARN)
	_, _, deploy := w.StartDeployment(ctx, here, s.ARN, "")
	_, _, scaling := w.Scaling(ctx, here, s.Spec.ScalingARN)
	_, users := w.ServicesOfScaling(ctx, here, s.Spec.ScalingARN)
	_, tags := w.Tags(ctx, here, s.ARN)
	for name, err := range map[string]error{"service": service, "services": services, "operations": operations, "deploy": deploy, "scaling": scaling, "users": users, "tags": tags} {
		if !errors.Is(err, errStore) || apprunner.CodeOf(err) != apprunner.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The default configuration counts as a name; further revisions of a name and other Regions do not.
func TestScalingQuota(t *testing.T) {
	t.Parallel()
	for quota, names := range map[int]int{3: 2, 0: apprunner.ScalingNamesQuota - 1} {
		w := newWorld(t)
		w.ScalingQuota = quota
		for i := range names {
			if _, err := w.CreateScaling(t.Context(), here, fmt.Sprintf("name-%d", i), apprunner.Scaling{}, nil); err != nil {
				t.Fatalf("name %d of %d: %v", i, names, err)
			}
		}
		_, err := w.CreateScaling(t.Context(), here, "one-more", apprunner.Scaling{}, nil)
		wantCode(t, err, apprunner.ServiceQuotaExceeded, fmt.Sprintf("There are %d auto scaling configuration names", names+1))
		if _, err := w.CreateScaling(t.Context(), here, "name-0", apprunner.Scaling{}, nil); err != nil {
			t.Errorf("another revision: %v", err)
		}
		if _, err := w.CreateScaling(t.Context(), elsewhere, "one-more", apprunner.Scaling{}, nil); err != nil {
			t.Errorf("another Region: %v", err)
		}
	}
}
