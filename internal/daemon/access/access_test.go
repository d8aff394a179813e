package access

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/audit"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/console"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/internal/registry"
	"github.com/slipway-run/slipway/internal/throttle"
)

const (
	prefix = "arn:aws:apprunner:us-east-1:000000000000:"
	id     = "0123456789abcdef0123456789abcdef"
	web    = prefix + "service/web/" + id
	small  = prefix + "autoscalingconfiguration/small/"
)

var home = apprunner.Place{Account: "000000000000", Region: "us-east-1"}

// shelf keeps nothing.
type shelf struct{}

func (shelf) AccessKeys(context.Context) ([][]byte, error)          { return nil, nil }
func (shelf) AddAccessKey(context.Context, string, []byte) error    { return nil }
func (shelf) RemoveAccessKey(context.Context, string) (bool, error) { return true, nil }

type tags map[string]map[string]string

func (t tags) Tags(_ context.Context, arn string) (map[string]string, error) {
	if arn == prefix+"service/broken/"+id {
		return nil, errors.New("disk")
	}
	return t[arn], nil
}

// world is a guard with the root key and one user.
type world struct {
	*Guard
	root, user iam.User
}

func newWorld(t *testing.T, policy string) world {
	t.Helper()
	root := iam.NewKey(time.Now())
	ring, err := iam.OpenRing(t.Context(), root, shelf{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p, err := iam.ParsePolicy([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	w := world{Guard: &Guard{
		Keys: ring, Home: home, Limiter: throttle.New(1, 3, func() time.Time { return time.Unix(0, 0) }),
		Tags: tags{web: {"env": "dev"}, small + "2/" + id: {"env": "prod"}},
		Expand: func(_ context.Context, _ apprunner.Place, arn string, all bool) ([]string, error) {
			switch {
			case !strings.HasPrefix(arn, small[:len(small)-1]):
				return nil, nil
			case all:
				return []string{small + "2/" + id, small + "1/" + id}, nil
			default:
				return []string{small + "2/" + id}, nil
			}
		},
	}}
	w.root, _ = ring.Find(root.ID)
	if w.user, err = ring.Create(t.Context(), "ci", p); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w world) call(u iam.User, service, operation string, in awsapi.Message) error {
	return w.Authorize(context.Background(), awsapi.Call{
		Identity: sigv4.Identity{AccessKeyID: u.ID, Region: "us-east-1", Service: service}, Service: service, Operation: operation,
	}, in)
}

const nothingAllowed = `{"Statement":{"Effect":"Allow","Action":"none:none","Resource":"*"}}`

// inputs are the input types of the operations, from the interface of their handlers.
func inputs() map[string]reflect.Type {
	handlers := reflect.TypeFor[apprunnerapi.Handlers]()
	all := map[string]reflect.Type{}
	for i := range handlers.NumMethod() {
		m := handlers.Method(i)
		all[m.Name] = m.Type.In(1).Elem()
	}
	return all
}

// Every operation has a subject, and every name in the tables is a member of its input.
func TestSubjectsAreComplete(t *testing.T) {
	t.Parallel()
	all := inputs()
	if len(all) != 37 {
		t.Errorf("there are %d operations", len(all))
	}
	used := map[string]bool{}
	for operation, in := range all {
		s, ok := subjects[operation]
		if !ok {
			t.Errorf("%s has no subject", operation)
		}
		for _, name := range []string{s.member, s.name} {
			if _, ok := in.FieldByName(name); name != "" && !ok {
				t.Errorf("%s has no member %q", operation, name)
			}
		}
		if s == nothing {
			for i := range in.NumField() {
				if strings.HasSuffix(in.Field(i).Name, "Arn") {
					t.Errorf("%s is said to concern nothing, and has %s", operation, in.Field(i).Name)
				}
			}
		}
		v := reflect.New(in).Elem()
		for key, path := range conditionMembers {
			used[key] = used[key] || reaches(v, path)
		}
	}
	for operation := range subjects {
		if all[operation] == nil {
			t.Errorf("there is no operation %s", operation)
		}
	}
	for key := range conditionMembers {
		if !used[key] {
			t.Errorf("no input has what %s needs", key)
		}
	}
}

func reaches(v reflect.Value, path []string) bool {
	kind := v.Type()
	for _, name := range path {
		for kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		f, ok := kind.FieldByName(name)
		if !ok {
			return false
		}
		kind = f.Type
	}
	return true
}

// The resource that a denial names is what policies are matched with.
func TestResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nothingAllowed)
	tests := []struct {
		operation string
		in        awsapi.Message
		resource  string
	}{
		{"DescribeService", &apprunnerapi.DescribeServiceInput{ServiceArn: new(web)}, web},
		{"DescribeService", &apprunnerapi.DescribeServiceInput{}, "*"},
		{"ListServices", &apprunnerapi.ListServicesInput{}, "*"},
		{"ListOperations", &apprunnerapi.ListOperationsInput{ServiceArn: new(web)}, web},
		{"TagResource", &apprunnerapi.TagResourceInput{ResourceArn: new(web)}, web},
		{"CreateService", &apprunnerapi.CreateServiceInput{ServiceName: new("web")}, prefix + "service/web/*"},
		{"CreateConnection", &apprunnerapi.CreateConnectionInput{ConnectionName: new("hub")}, prefix + "connection/hub/*"},
		{"CreateAutoScalingConfiguration", &apprunnerapi.CreateAutoScalingConfigurationInput{AutoScalingConfigurationName: new("small")}, small + "*/*"},
		{"CreateVpcConnector", &apprunnerapi.CreateVpcConnectorInput{VpcConnectorName: new("net")}, prefix + "vpcconnector/net/*/*"},
		{"DescribeAutoScalingConfiguration", &apprunnerapi.DescribeAutoScalingConfigurationInput{AutoScalingConfigurationArn: new(small[:len(small)-1])}, small + "2/" + id},
		{"DescribeObservabilityConfiguration", &apprunnerapi.DescribeObservabilityConfigurationInput{ObservabilityConfigurationArn: new(prefix + "observabilityconfiguration/trace/1")}, prefix + "observabilityconfiguration/trace/1/*"},
		{"DeleteService", &apprunnerapi.DeleteServiceInput{ServiceArn: new("nonsense")}, "nonsense"},
	}
	for _, tt := range tests {
		err := w.call(w.user, "apprunner", tt.operation, tt.in)
		want := "User: arn:aws:iam::000000000000:user/ci is not authorized to perform: apprunner:" + tt.operation + " on resource: " + tt.resource +
			" because no identity-based policy allows the apprunner:" + tt.operation + " action"
		refused, ok := errors.AsType[*refusal](err)
		if !ok || refused.Error() != want || refused.code != "AccessDeniedException" || refused.status != 403 {
			t.Errorf("%s: %v\nwant %s", tt.operation, err, want)
		}
		if err := w.call(w.root, "apprunner", tt.operation, tt.in); err != nil {
			t.Errorf("%s with the root key: %v", tt.operation, err)
		}
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	statement := func(effect, action, resource, condition string) string {
		return `{"Effect":"` + effect + `","Action":"` + action + `","Resource":"` + resource + `","Condition":` + condition + `}`
	}
	all := statement("Allow", "*", "*", "{}")
	update := func(change func(*apprunnerapi.UpdateServiceInput)) *apprunnerapi.UpdateServiceInput {
		in := &apprunnerapi.UpdateServiceInput{ServiceArn: new(web)}
		change(in)
		return in
	}
	tests := []struct {
		reason, policy string
		operation      string
		in             awsapi.Message
		allowed        bool
	}{
		{"a tag of the resource", statement("Allow", "*", "*", `{"StringEquals":{"aws:ResourceTag/env":"dev"}}`), "PauseService", &apprunnerapi.PauseServiceInput{ServiceArn: new(web)}, true},
		{"a tag of the resource, by App Runner's name", statement("Allow", "*", "*", `{"StringEquals":{"apprunner:ResourceTag/env":"dev"}}`), "PauseService", &apprunnerapi.PauseServiceInput{ServiceArn: new(web)}, true},
		{"another tag", statement("Allow", "*", "*", `{"StringEquals":{"aws:ResourceTag/env":"prod"}}`), "PauseService", &apprunnerapi.PauseServiceInput{ServiceArn: new(web)}, false},
		{"the tag of what a partial ARN stands for", all + "," + statement("Deny", "*", "*", `{"StringEquals":{"aws:ResourceTag/env":"prod"}}`), "DescribeAutoScalingConfiguration", &apprunnerapi.DescribeAutoScalingConfigurationInput{AutoScalingConfigurationArn: new(small[:len(small)-1])}, false},
		{"one of all revisions is denied", all + "," + statement("Deny", "*", small+"1/*", `{}`), "DeleteAutoScalingConfiguration", &apprunnerapi.DeleteAutoScalingConfigurationInput{AutoScalingConfigurationArn: new(small[:len(small)-1]), DeleteAllRevisions: new(true)}, false},
		{"the latest revision is not", all + "," + statement("Deny", "*", small+"1/*", `{}`), "DeleteAutoScalingConfiguration", &apprunnerapi.DeleteAutoScalingConfigurationInput{AutoScalingConfigurationArn: new(small[:len(small)-1])}, true},
		{"a scaling configuration by a partial ARN", all + "," + statement("Deny", "*", "*", `{"ArnLike":{"apprunner:AutoScalingConfigurationArn":"`+small+`2/*"}}`), "UpdateService", update(func(in *apprunnerapi.UpdateServiceInput) {
			in.AutoScalingConfigurationArn = new(small[:len(small)-1])
		}), false},
		{"a connection", statement("Allow", "*", "*", `{"ArnLike":{"apprunner:ConnectionArn":"`+prefix+`connection/mine/*"}}`), "UpdateService", update(func(in *apprunnerapi.UpdateServiceInput) {
			in.SourceConfiguration = &apprunnerapi.SourceConfiguration{AuthenticationConfiguration: &apprunnerapi.AuthenticationConfiguration{ConnectionArn: new(prefix + "connection/mine/" + id)}}
		}), true},
		{"a connector", all + "," + statement("Deny", "*", "*", `{"Null":{"apprunner:VpcConnectorArn":"true"}}`), "UpdateService", update(func(in *apprunnerapi.UpdateServiceInput) {
			in.NetworkConfiguration = &apprunnerapi.NetworkConfiguration{EgressConfiguration: &apprunnerapi.EgressConfiguration{VpcConnectorArn: new(prefix + "vpcconnector/net/1/" + id)}}
		}), true},
		{"no connector", all + "," + statement("Deny", "*", "*", `{"Null":{"apprunner:VpcConnectorArn":"true"}}`), "UpdateService", update(func(*apprunnerapi.UpdateServiceInput) {}), false},
		{"an observability configuration", statement("Allow", "*", "*", `{"ArnLike":{"apprunner:ObservabilityConfigurationArn":"`+prefix+`observabilityconfiguration/trace/*/*"}}`), "UpdateService", update(func(in *apprunnerapi.UpdateServiceInput) {
			in.ObservabilityConfiguration = &apprunnerapi.ServiceObservabilityConfiguration{ObservabilityConfigurationArn: new(prefix + "observabilityconfiguration/trace")}
		}), true},
		{"a network", statement("Allow", "*", "*", `{"StringEquals":{"apprunner:VpcId":"vpc-1","apprunner:VpcEndpointId":"vpce-1"}}`), "CreateVpcIngressConnection", &apprunnerapi.CreateVpcIngressConnectionInput{
			IngressVpcConfiguration: &apprunnerapi.IngressVpcConfiguration{VpcId: new("vpc-1"), VpcEndpointId: new("vpce-1")},
		}, true},
		{"the service of a connection", statement("Allow", "*", "*", `{"ArnEquals":{"apprunner:ServiceArn":"`+web+`"}}`), "CreateVpcIngressConnection", &apprunnerapi.CreateVpcIngressConnectionInput{ServiceArn: new(web)}, true},
		{"tags of the request", statement("Allow", "*", "*", `{"StringEquals":{"aws:RequestTag/env":"dev"},"ForAllValues:StringEquals":{"aws:TagKeys":["env"]}}`), "TagResource", &apprunnerapi.TagResourceInput{ResourceArn: new(web), Tags: []apprunnerapi.Tag{{Key: new("env"), Value: new("dev")}}}, true},
		{"one tag too many", statement("Allow", "*", "*", `{"ForAllValues:StringEquals":{"aws:TagKeys":["env"]}}`), "TagResource", &apprunnerapi.TagResourceInput{ResourceArn: new(web), Tags: []apprunnerapi.Tag{{Key: new("env")}, {Key: new("x")}}}, false},
		{"tags that are taken away", all + "," + statement("Deny", "*", "*", `{"ForAnyValue:StringEquals":{"aws:TagKeys":"env"}}`), "UntagResource", &apprunnerapi.UntagResourceInput{ResourceArn: new(web), TagKeys: []string{"x", "env"}}, false},
		{"the Region", statement("Allow", "*", "*", `{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}`), "ListServices", &apprunnerapi.ListServicesInput{}, true},
		{"the user", statement("Allow", "*", "*", `{"StringEquals":{"aws:username":"ci"},"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::000000000000:user/ci"}}`), "ListServices", &apprunnerapi.ListServicesInput{}, true},
		{"without TLS", all + "," + statement("Deny", "*", "*", `{"Bool":{"aws:SecureTransport":"false"}}`), "ListServices", &apprunnerapi.ListServicesInput{}, false},
		{"a new service, by its name", statement("Allow", "apprunner:CreateService", prefix+"service/web/*", `{}`), "CreateService", &apprunnerapi.CreateServiceInput{ServiceName: new("web")}, true},
		{"tags that cannot be read", all, "PauseService", &apprunnerapi.PauseServiceInput{ServiceArn: new(prefix + "service/broken/" + id)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, `{"Statement":[`+tt.policy+`]}`)
			if err := w.call(w.user, "apprunner", tt.operation, tt.in); (err == nil) != tt.allowed {
				t.Errorf("%v, want it allowed: %v", err, tt.allowed)
			}
		})
	}
}

// repository is an input of ECR.
type repository struct {
	RepositoryName  *string
	RepositoryNames []string
	ResourceArn     *string
}

func (repository) Validate() error { return nil }

func TestNeighbours(t *testing.T) {
	t.Parallel()
	const ecr = "arn:aws:ecr:us-east-1:000000000000:repository/"
	w := newWorld(t, `{"Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"`+ecr+`a"},{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}]}`)
	for _, tt := range []struct {
		reason, service, operation string
		in                         repository
		allowed                    bool
	}{
		{"a repository", "ecr", "DeleteRepository", repository{RepositoryName: new("a")}, true},
		{"another", "ecr", "DeleteRepository", repository{RepositoryName: new("b")}, false},
		{"one of two", "ecr", "DescribeRepositories", repository{RepositoryNames: []string{"a", "b"}}, false},
		{"all", "ecr", "DescribeRepositories", repository{}, false},
		{"by its ARN", "ecr", "TagResource", repository{ResourceArn: new(ecr + "a")}, true},
		{"no repository", "ecr", "GetAuthorizationToken", repository{}, true},
		{"the same of another service", "ecr-public", "GetAuthorizationToken", repository{}, false},
		{"whose key it is", "sts", "GetCallerIdentity", repository{}, true},
	} {
		if err := w.call(w.user, tt.service, tt.operation, &tt.in); (err == nil) != tt.allowed {
			t.Errorf("%s: %v", tt.reason, err)
		}
	}
	if _, err := w.Keys.Delete(t.Context(), w.user.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.call(w.user, "sts", "GetCallerIdentity", &repository{}); !errors.Is(err, errNoKey) {
		t.Errorf("a key that was deleted meanwhile: %v", err)
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `{"Statement":{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"arn:aws:ecr:*:*:repository/a/*"}}`)
	w.Passwords = append(w.Passwords, func(_ context.Context, user, password string) (string, bool) {
		return w.user.ID, user == "AWS" && password == "token"
	}, func(_ context.Context, user, _ string) (string, bool) { return "AKIAGONE", user == "gone" })
	r := Registry{w.Guard}
	for _, c := range []struct{ user, password, id string }{
		{w.user.ID, w.user.Secret, w.user.ID}, {w.root.ID, w.root.Secret, w.root.ID}, {"AWS", "token", w.user.ID},
		{"AWS", "x", ""}, {w.user.ID, "token", ""}, {"gone", "", ""}, {"", "", ""},
	} {
		got, err := r.Authenticate(t.Context(), c.user, c.password)
		if got != c.id || (c.id == "") != errors.Is(err, registry.ErrDenied) {
			t.Errorf("%s: %q, %v", c.user, got, err)
		}
	}
	if err := r.Authorize(t.Context(), w.user.ID, "ecr:BatchGetImage", "a/b"); err != nil {
		t.Error(err)
	}
	err := r.Authorize(t.Context(), w.user.ID, "ecr:PutImage", "a/b")
	if !errors.Is(err, registry.ErrForbidden) || !strings.Contains(err.Error(), "ecr:PutImage on resource: arn:aws:ecr:us-east-1:000000000000:repository/a/b") {
		t.Errorf("%v", err)
	}
	if err := r.Authorize(t.Context(), w.user.ID, "ecr:DescribeRepositories", ""); !errors.Is(err, registry.ErrForbidden) {
		t.Errorf("the catalogue: %v", err)
	}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nothingAllowed)
	c := Console{w.Guard}
	if err := c.Authenticate(t.Context(), w.user.ID, w.user.Secret); err != nil {
		t.Error(err)
	}
	if err := c.Authenticate(t.Context(), w.user.ID, w.root.Secret); err == nil {
		t.Error("a wrong secret is let in")
	}
	if name, ok := c.Name(w.user.ID); !ok || name != w.user.Name {
		t.Errorf("the key is named %q, %v", name, ok)
	}
	if _, ok := c.Name("AKIAGONE"); ok {
		t.Error("a key that does not exist is known")
	}
}

// A call through the console is one of its session's key, held to that key's rate.
func TestSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nothingAllowed)
	w.Limiter = throttle.New(0.001, 1, time.Now)
	var got sigv4.Identity
	var errs []error
	pages := &console.Console{Keys: Console{w.Guard}, Secret: console.NewSecret("x"), API: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		who, err := Session{w.Guard}.Verify(r, nil)
		if errs = append(errs, err); err == nil {
			got = who
		}
	})}
	server := httptest.NewServer(pages.Handler())
	t.Cleanup(server.Close)
	signIn, err := server.Client().Post(server.URL+"/console/session", "application/json", strings.NewReader(`{"id": "`+w.user.ID+`", "secret": "`+w.user.Secret+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = signIn.Body.Close()
	for range 2 {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/console/api/eu-west-1/slipway/v1/keys", nil)
		r.AddCookie(signIn.Cookies()[0])
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	if want := (sigv4.Identity{AccessKeyID: w.user.ID, Region: "eu-west-1", Service: "slipway"}); got != want {
		t.Errorf("the caller is %+v", got)
	}
	if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], errThrottled) {
		t.Errorf("two calls of a key that may make one: %v", errs)
	}
	if _, err := (Session{w.Guard}).Verify(httptest.NewRequest(http.MethodGet, "/", nil), nil); err == nil {
		t.Error("a request that did not come through the console is let in")
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nothingAllowed)
	k := Keys{w.Keys}
	made, err := k.CreateKey(t.Context(), "new", []byte(nothingAllowed))
	if err != nil || made.Secret == "" || made.Name != "new" || string(made.Policy) != nothingAllowed {
		t.Errorf("%+v, %v", made, err)
	}
	for name, policy := range map[string]string{"new": nothingAllowed, "bad": "{}"} {
		if _, err := k.CreateKey(t.Context(), name, []byte(policy)); apprunner.CodeOf(err) != apprunner.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.DeleteKey(t.Context(), w.root.ID); apprunner.CodeOf(err) != apprunner.InvalidRequest {
		t.Errorf("deleting root: %v", err)
	}
	list, err := json.Marshal(k.ListKeys())
	if err != nil || strings.Contains(string(list), made.Secret) || !strings.Contains(string(list), made.ID) || len(k.ListKeys()) != 3 {
		t.Errorf("%s, %v", list, err)
	}
}

// recorded serves one request through a recorder and returns what was recorded and answered.
func recorded(t *testing.T, action func(*http.Request) string, r *http.Request, h http.HandlerFunc) ([]audit.Entry, *httptest.ResponseRecorder) {
	t.Helper()
	var all []audit.Entry
	w := httptest.NewRecorder()
	recorder := Recorder{Log: slog.New(slog.DiscardHandler), Write: func(e audit.Entry) error {
		if w.Body.Len() > 0 {
			t.Error("the caller heard before the log did")
		}
		e.Time = time.Time{}
		all = append(all, e)
		return nil
	}}
	func() {
		defer func() { _ = recover() }()
		recorder.Record(action, h).ServeHTTP(w, r)
	}()
	return all, w
}

func TestRecord(t *testing.T) {
	t.Parallel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	target := func(r *http.Request) *http.Request { r.Header.Set("X-Amz-Target", "AppRunner.ListServices"); return r }
	post := func() *http.Request { return httptest.NewRequest(http.MethodPost, "/", nil) }
	get := func(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	noting := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			trailOf(r.Context()).entry.Action = "ecr:BatchGetImage"
			w.WriteHeader(code)
		}
	}
	tests := []struct {
		reason string
		action func(*http.Request) string
		r      *http.Request
		h      http.HandlerFunc
		want   []audit.Entry
	}{
		{"a body alone", APIAction, target(post()), func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")); _, _ = w.Write([]byte("y")) }, []audit.Entry{{Action: "apprunner:ListServices", Status: 200}}},
		{"a copy", APIAction, target(post()), func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, strings.NewReader("x")) }, []audit.Entry{{Action: "apprunner:ListServices", Status: 200}}},
		{"a stream", AdminAction, get("/slipway/v1/services/x/logs?secret=1"), func(w http.ResponseWriter, _ *http.Request) { _ = http.NewResponseController(w).Flush() }, []audit.Entry{{Action: "GET /slipway/v1/services/x/logs", Status: 200}}},
		{"nothing", APIAction, post(), func(http.ResponseWriter, *http.Request) {}, []audit.Entry{{Action: "POST /", Status: 200}}},
		{"an early hint", APIAction, post(), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(404) }, []audit.Entry{{Action: "POST /", Status: 404, ErrorCode: "NotFound"}}},
		{"an exception", APIAction, post(), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", "InvalidStateException")
			w.Header().Set(requestID, "their own")
			w.WriteHeader(400)
		}, []audit.Entry{{Action: "POST /", Status: 400, ErrorCode: "InvalidStateException", RequestID: "their own"}}},
		{"a panic", APIAction, post(), func(http.ResponseWriter, *http.Request) { panic("x") }, []audit.Entry{{Action: "POST /", Status: 500, ErrorCode: "InternalServerError"}}},
		{"a caller that left", APIAction, post().WithContext(gone), func(http.ResponseWriter, *http.Request) {}, []audit.Entry{{Action: "POST /", Status: 499, ErrorCode: "ClientLeft"}}},
		{"a page", NoAction, get("/"), status(200), nil},
		{"a challenge", NoAction, get("/v2/"), status(401), nil},
		{"a pull", NoAction, get("/v2/a/manifests/v1"), noting(200), nil},
		{"a look at what is not there", NoAction, get("/v2/a/manifests/v1"), noting(404), nil},
		{"a refused pull", NoAction, get("/v2/a/manifests/v1"), noting(403), []audit.Entry{{Action: "ecr:BatchGetImage", Status: 403, ErrorCode: "Forbidden"}}},
		{"a push", NoAction, httptest.NewRequest(http.MethodPut, "/v2/a/manifests/v1", nil), noting(201), []audit.Entry{{Action: "ecr:BatchGetImage", Status: 201}}},
	}
	for _, tt := range tests {
		got, w := recorded(t, tt.action, tt.r, tt.h)
		for i := range got {
			if got[i].RequestID == "" || got[i].RequestID != w.Header().Get(requestID) || got[i].Source != "192.0.2.1" {
				t.Errorf("%s: id %q, source %q", tt.reason, got[i].RequestID, got[i].Source)
			}
			if tt.want != nil && tt.want[0].RequestID == "" {
				got[i].RequestID = ""
			}
			got[i].Source = ""
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}

// A log that cannot be written does not stop the API.
func TestRecordFails(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	recorder := Recorder{Log: slog.New(slog.NewTextHandler(&log, nil)), Write: func(audit.Entry) error { return errors.New("the disk is full") }}
	w := httptest.NewRecorder()
	recorder.Record(APIAction, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != 204 || !strings.Contains(log.String(), "the disk is full") {
		t.Errorf("%d, log %s", w.Code, &log)
	}
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nothingAllowed)
	v := Verifier{Guard: w.Guard, Signature: &sigv4.Verifier{Keys: w.Guard, Services: []string{"apprunner"}, Now: time.Now}}
	verify := func(key iam.Key, change func(*http.Request)) (audit.Entry, error) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		if err := sigv4.Sign(r, nil, key.ID, key.Secret, "eu-west-1", "apprunner", time.Now()); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(r)
		}
		tr := &trail{}
		_, err := v.Verify(r.WithContext(context.WithValue(r.Context(), trailKey{}, tr)), nil)
		return tr.entry, err
	}
	forged := iam.Key{ID: w.user.ID, Secret: w.root.Secret}
	for range 10 { // forged calls take nothing from the key's rate
		entry, err := verify(forged, nil)
		if e, ok := errors.AsType[*sigv4.Error](err); !ok || e.Code != "InvalidSignatureException" || entry.AccessKeyID != w.user.ID || entry.User != "" {
			t.Fatalf("forged: %v, %+v", err, entry)
		}
	}
	var codes []string
	for range 4 {
		entry, err := verify(w.user.Key, nil)
		if entry.AccessKeyID != w.user.ID || entry.User != "arn:aws:iam::000000000000:user/ci" || entry.Region != "eu-west-1" {
			t.Errorf("entry %+v", entry)
		}
		code := ""
		if e, ok := errors.AsType[*refusal](err); ok {
			code = e.code
		}
		codes = append(codes, code)
	}
	if !slices.Equal(codes, []string{"", "", "", "ThrottlingException"}) {
		t.Errorf("with a burst of three: %q", codes)
	}
	if _, err := verify(w.root.Key, nil); err != nil {
		t.Errorf("another key: %v", err)
	}
	// A secret where the id belongs is not recorded.
	if entry, _ := verify(iam.Key{ID: "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", Secret: "x"}, nil); entry.AccessKeyID != "" {
		t.Errorf("recorded %q", entry.AccessKeyID)
	}
	entry, _ := verify(w.user.Key, func(r *http.Request) {
		r.Header.Del("Authorization")
		r.URL.RawQuery = "X-Amz-Algorithm=x&X-Amz-Credential=" + w.user.ID + "%2F20260101"
	})
	if entry.AccessKeyID != w.user.ID {
		t.Errorf("a presigned request: recorded %q", entry.AccessKeyID)
	}
}

// BenchmarkAuthorize is what a key with a policy of some length pays for each call.
func BenchmarkAuthorize(b *testing.B) {
	statement := `{"Effect":"Allow","Action":"apprunner:Describe*","Resource":"` + prefix + `service/other/*","Condition":{"StringEquals":{"aws:ResourceTag/env":"dev"}}},`
	p, err := iam.ParsePolicy([]byte(`{"Statement":[` + strings.Repeat(statement, 20) + `{"Effect":"Allow","Action":"*","Resource":"*"}]}`))
	if err != nil {
		b.Fatal(err)
	}
	ring, err := iam.OpenRing(b.Context(), iam.NewKey(time.Now()), shelf{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	u, err := ring.Create(b.Context(), "ci", p)
	if err != nil {
		b.Fatal(err)
	}
	w := world{Guard: &Guard{Keys: ring, Home: home, Tags: tags{web: {"env": "dev"}}}}
	in := &apprunnerapi.DescribeServiceInput{ServiceArn: new(web)}
	for b.Loop() {
		if err := w.call(u, "apprunner", "DescribeService", in); err != nil {
			b.Fatal(err)
		}
	}
}
