package awsapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

const keyID, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// handlers implement two operations with functions of the test.
type handlers struct {
	apprunnerapi.Unimplemented
	listServices  func(context.Context, *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error)
	createService func(context.Context, *apprunnerapi.CreateServiceInput) (*apprunnerapi.CreateServiceOutput, error)
}

func (h *handlers) ListServices(ctx context.Context, in *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
	return h.listServices(ctx, in)
}

func (h *handlers) CreateService(ctx context.Context, in *apprunnerapi.CreateServiceInput) (*apprunnerapi.CreateServiceOutput, error) {
	return h.createService(ctx, in)
}

func everyone(context.Context, awsapi.Call, awsapi.Message) error { return nil }

// fixture is a server over real HTTP, and its log.
type fixture struct {
	url string
	mu  sync.Mutex
	log bytes.Buffer
}

func (f *fixture) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(p)
}

func (f *fixture) logged() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.String()
}

func serve(t *testing.T, h apprunnerapi.Handlers, authorize awsapi.AuthorizerFunc) *fixture {
	t.Helper()
	f := &fixture{}
	server := httptest.NewServer(awsapi.NewServer(awsapi.Config{
		Authenticator: &sigv4.Verifier{Keys: sigv4.Static{keyID: secret}, Services: []string{"apprunner", "slipway"}, Now: time.Now},
		Authorizer:    authorize,
		Logger:        slog.New(slog.NewJSONHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug})),
		CheckAnswers:  true,
	}, apprunnerapi.API(h)))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	Type   string `json:"__type"`
	Upper  string `json:"Message"`
}

type edit func(*http.Request)

func header(name, value string) edit {
	return func(r *http.Request) {
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
}

func (f *fixture) call(t *testing.T, op, body string, edits ...edit) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AppRunner."+op)
	for _, e := range edits {
		e(r)
	}
	service := r.Header.Get("Test-Service")
	r.Header.Del("Test-Service")
	if service == "" {
		service = "apprunner"
	}
	if service != "none" {
		if err := sigv4.Sign(r, []byte(body), keyID, secret, "eu-west-1", service, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(data)}
	if err := json.Unmarshal(data, &a); err != nil {
		t.Fatalf("the answer %q is not JSON: %v", data, err)
	}
	return a
}

func noServices(context.Context, *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
	return &apprunnerapi.ListServicesOutput{}, nil
}

func TestServerAnswers(t *testing.T) {
	var seen awsapi.Call
	f := serve(t, &handlers{listServices: func(ctx context.Context, in *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
		seen = awsapi.CallFrom(ctx)
		if awsapi.Deref(in.MaxResults) != 3 {
			t.Errorf("MaxResults = %v, want 3", in.MaxResults)
		}
		return noServices(ctx, in)
	}}, everyone)

	got := f.call(t, "ListServices", `{"MaxResults":3,"NewIdea":[1]}`)

	if got.status != http.StatusOK || got.body != `{"ServiceSummaryList":[]}` {
		t.Errorf("answer = %d %s", got.status, got.body)
	}
	if ct := got.header.Get("Content-Type"); ct != "application/x-amz-json-1.0" {
		t.Errorf("content type = %q", ct)
	}
	id := got.header.Get("x-amzn-RequestId")
	if _, err := uuid.Parse(id); err != nil {
		t.Errorf("request id %q: %v", id, err)
	}
	want := awsapi.Call{RequestID: id, Identity: sigv4.Identity{AccessKeyID: keyID, Region: "eu-west-1", Service: "apprunner"}, Service: "apprunner", Operation: "ListServices"}
	if seen != want {
		t.Errorf("the handler saw %+v, want %+v", seen, want)
	}
	for _, part := range []string{id, keyID, `"operation":"ListServices"`, `"status":200`} {
		if !strings.Contains(f.logged(), part) {
			t.Errorf("the log does not have %q: %s", part, f.logged())
		}
	}
}

func TestServerTakesContentTypes(t *testing.T) {
	f := serve(t, &handlers{listServices: noServices}, everyone)
	for sent, want := range map[string]string{
		"application/x-amz-json-1.1":                `application/x-amz-json-1.1`,
		"application/x-amz-json-1.0; charset=UTF-8": `application/x-amz-json-1.0`,
		"Application/X-Amz-JSON-1.0":                `application/x-amz-json-1.0`,
	} {
		if got := f.call(t, "ListServices", "{}", header("Content-Type", sent)); got.status != 200 || got.header.Get("Content-Type") != want {
			t.Errorf("%q: %d %q %s", sent, got.status, got.header.Get("Content-Type"), got.body)
		}
	}
}

func TestServerRefuses(t *testing.T) {
	tests := []struct {
		reason string
		op     string
		body   string
		edit   edit
		status int
		code   string
		says   string
	}{
		{"not signed", "ListServices", "{}", header("Test-Service", "none"), 403, "MissingAuthenticationTokenException", "not signed"},
		{"signed for another service of ours", "ListServices", "{}", header("Test-Service", "slipway"), 403, "InvalidSignatureException", "'apprunner'"},
		{"an operation that nobody has", "Dance", "{}", nil, 404, "UnknownOperationException", `"AppRunner.Dance"`},
		{"an operation not implemented", "PauseService", `{"ServiceArn":"arn:aws:apprunner:us-east-1:123456789012:service/a/1"}`, nil, 404, "UnknownOperationException", "PauseService"},
		{"another API", "", "{}", header("X-Amz-Target", "Logs_20140328.DescribeLogGroups"), 404, "UnknownOperationException", "Logs_20140328"},
		{"no target", "", "{}", header("X-Amz-Target", ""), 404, "UnknownOperationException", "X-Amz-Target"},
		{"a target without a dot", "", "{}", header("X-Amz-Target", "AppRunner"), 404, "UnknownOperationException", `"AppRunner"`},
		{"another path", "ListServices", "{}", func(r *http.Request) { r.URL.Path = "/x" }, 404, "UnknownOperationException", "POST requests to /"},
		{"another method", "ListServices", "{}", func(r *http.Request) { r.Method = http.MethodPut }, 404, "UnknownOperationException", "PUT"},
		{"plain JSON", "ListServices", "{}", header("Content-Type", "application/json"), 415, "UnsupportedMediaTypeException", "application/json"},
		{"no content type", "ListServices", "{}", header("Content-Type", ""), 415, "UnsupportedMediaTypeException", "content type"},
		{"another charset", "ListServices", "{}", header("Content-Type", "application/x-amz-json-1.0; charset=utf-16"), 415, "UnsupportedMediaTypeException", "utf-16"},
		{"compressed", "ListServices", "{}", header("Content-Encoding", "gzip"), 415, "UnsupportedMediaTypeException", "gzip"},
		{"no JSON", "ListServices", "{", nil, 400, "SerializationException", "The request body ends"},
		{"a wrong type", "ListServices", `{"MaxResults":"many"}`, nil, 400, "SerializationException", `The member "MaxResults" must be a number, not a string.`},
		{"a broken constraint", "ListServices", `{"MaxResults":21}`, nil, 400, "InvalidRequestException",
			"1 validation error detected: Value '21' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 20"},
		{"too large", "ListServices", `{"NextToken":"` + strings.Repeat("x", awsapi.MaxBody) + `"}`, nil, 413, "RequestEntityTooLargeException", "1048576 bytes"},
	}
	f := serve(t, &handlers{listServices: noServices}, everyone)
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			if tt.edit == nil {
				tt.edit = func(*http.Request) {}
			}
			wantException(t, f.call(t, tt.op, tt.body, tt.edit), tt.status, tt.code, tt.says)
		})
	}
}

func wantException(t *testing.T, got answer, status int, code, says string) {
	t.Helper()
	if got.status != status || got.Type != code || !strings.Contains(got.Upper, says) {
		t.Errorf("answer = %d %s, want %d %s with %q", got.status, got.body, status, code, says)
	}
	if got.header.Get("x-amzn-errortype") != code || got.header.Get("x-amzn-RequestId") == "" {
		t.Errorf("headers = %v", got.header)
	}
	var both map[string]string
	if err := json.Unmarshal([]byte(got.body), &both); err != nil || both["Message"] != both["message"] || len(both) != 3 {
		t.Errorf("body = %s: want __type, Message and message", got.body)
	}
}

func TestServerMapsErrors(t *testing.T) {
	const hidden = "SELECT secret FROM keys"
	failing := func(err error) func(context.Context, *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
		return func(context.Context, *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
			return nil, err
		}
	}
	tests := []struct {
		reason string
		err    error
		status int
		code   string
		says   string
	}{
		{"invalid request", apprunner.Errorf(apprunner.InvalidRequest, "no %q", "x"), 400, "InvalidRequestException", `no "x"`},
		{"a long input in a message", apprunner.Errorf(apprunner.InvalidRequest, "no %q. Give another one.", strings.Repeat("é", 1000)), 400, "InvalidRequestException", "…" + strings.Repeat("é", 160)},
		{"invalid state", apprunner.Errorf(apprunner.InvalidState, "busy"), 400, "InvalidStateException", "busy"},
		{"not found", apprunner.Errorf(apprunner.ResourceNotFound, "gone"), 400, "ResourceNotFoundException", "gone"},
		{"quota", apprunner.Errorf(apprunner.ServiceQuotaExceeded, "full"), 400, "ServiceQuotaExceededException", "full"},
		{"wrapped", errors.Join(errors.New("x"), apprunner.Errorf(apprunner.InvalidState, "busy")), 400, "InvalidStateException", "busy"},
		{"an exception of the wire", awsapi.Errorf(400, "ThrottlingException", "slow down"), 400, "ThrottlingException", "slow down"},
		{"an internal error of the domain", apprunner.Errorf(apprunner.Internal, hidden), 500, "InternalServiceErrorException", "internal error"},
		{"any other error", errors.New(hidden), 500, "InternalServiceErrorException", "internal error"},
		{"neither answer nor error", nil, 500, "InternalServiceErrorException", "internal error"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			f := serve(t, &handlers{listServices: failing(tt.err)}, everyone)
			got := f.call(t, "ListServices", "{}")
			wantException(t, got, tt.status, tt.code, tt.says)
			if status, ok := apprunnerapi.Exceptions[tt.code]; status != tt.status && (ok || tt.code != "ThrottlingException") {
				t.Errorf("the model has %s with %d", tt.code, status)
			}
			if strings.Contains(got.body, hidden) {
				t.Errorf("the answer tells an internal error: %s", got.body)
			}
			if tt.status == 500 && !(strings.Contains(f.logged(), got.header.Get("x-amzn-RequestId")) && strings.Contains(f.logged(), `"level":"ERROR"`)) {
				t.Errorf("the log does not tell of the error: %s", f.logged())
			}
			if tt.err != nil && tt.err.Error() == hidden && !strings.Contains(f.logged(), hidden) {
				t.Errorf("the log hides the error: %s", f.logged())
			}
		})
	}
}

func TestServerSurvivesAPanic(t *testing.T) {
	f := serve(t, &handlers{listServices: func(context.Context, *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
		panic("at the disco")
	}}, everyone)
	got := f.call(t, "ListServices", "{}")
	wantException(t, got, 500, "InternalFailure", "internal failure")
	if strings.Contains(got.body, "disco") || !strings.Contains(f.logged(), "at the disco") || !strings.Contains(f.logged(), "server_test.go") {
		t.Errorf("body %s\nlog %s", got.body, f.logged())
	}
}

func TestServerAuthorizes(t *testing.T) {
	f := serve(t, &handlers{listServices: func(context.Context, *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
		t.Error("a call that is not allowed reached its handler")
		return nil, nil
	}}, func(_ context.Context, call awsapi.Call, _ awsapi.Message) error {
		return awsapi.Errorf(http.StatusForbidden, "AccessDeniedException", "%s may not %s", call.Identity.AccessKeyID, call.Action())
	})
	// The caller does not even learn what is wrong with the request.
	got := f.call(t, "ListServices", `{"MaxResults":0}`)
	wantException(t, got, 403, "AccessDeniedException", keyID+" may not apprunner:ListServices")
}

func TestServerChecksAnswers(t *testing.T) {
	f := serve(t, &handlers{listServices: func(context.Context, *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
		return &apprunnerapi.ListServicesOutput{ServiceSummaryList: []apprunnerapi.ServiceSummary{{Status: new(apprunnerapi.ServiceStatus("FINE"))}}}, nil
	}}, everyone)
	got := f.call(t, "ListServices", "{}")
	wantException(t, got, 500, "InternalServiceErrorException", "internal error")
	if !strings.Contains(f.logged(), "serviceSummaryList.1.member.status") {
		t.Errorf("log = %s", f.logged())
	}
}

func TestServerKeepsSecretsToItself(t *testing.T) {
	const body = `{"ServiceName":"x","SourceConfiguration":{"ImageRepository":{"ImageIdentifier":"nginx","ImageRepositoryType":"ECR",
		"ImageConfiguration":{"StartCommand":"SECRET\n","RuntimeEnvironmentVariables":{"SECRET":"SECRET","":"SECRET"}}}}}`
	f := serve(t, &handlers{}, everyone)
	got := f.call(t, "CreateService", body)
	wantException(t, got, 400, "InvalidRequestException", "4 validation errors detected: ")
	if strings.Contains(got.body+f.logged(), "SECRET") {
		t.Errorf("body %s\nlog %s", got.body, f.logged())
	}
}

func TestServerNotesACallerThatLeft(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	f := serve(t, &handlers{listServices: func(ctx context.Context, _ *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
		leave()
		<-ctx.Done()
		return nil, ctx.Err()
	}}, everyone)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AppRunner.ListServices")
	if err := sigv4.Sign(r, []byte("{}"), keyID, secret, "eu-west-1", "apprunner", time.Now()); err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(r); err == nil {
		res.Body.Close()
		t.Fatal("the call was answered")
	}
	for !strings.Contains(f.logged(), `"status":499`) {
		if t.Context().Err() != nil || strings.Contains(f.logged(), `"status":500`) {
			t.Fatalf("log = %s", f.logged())
		}
		time.Sleep(time.Millisecond)
	}
	if strings.Contains(f.logged(), "ERROR") {
		t.Errorf("a caller that left is no error of ours: %s", f.logged())
	}
}
