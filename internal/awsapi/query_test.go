package awsapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

// serveQuery serves one action of a service "sts" beside App Runner.
func serveQuery(t *testing.T, action awsapi.Action) string {
	t.Helper()
	s := awsapi.NewServer(awsapi.Config{
		Authenticator: &sigv4.Verifier{Keys: sigv4.Static{keyID: secret}, Services: []string{"apprunner", "sts"}, Now: time.Now},
		Authorizer: awsapi.AuthorizerFunc(func(_ context.Context, call awsapi.Call, in awsapi.Message) error {
			if params, ok := in.(awsapi.Params); ok && url.Values(params).Get("What") == "forbidden" {
				return awsapi.Errorf(403, "AccessDeniedException", "not authorized to perform: %s", call.Action())
			}
			return nil
		}), Logger: slog.New(slog.DiscardHandler),
	}, apprunnerapi.API(&handlers{listServices: noServices}))
	s.AddQuery(awsapi.QueryAPI{SigningName: "sts", Version: "2011-06-15", Namespace: "https://sts.example/", Actions: map[string]awsapi.Action{"Tell": action}})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// query sends a form, signed for a service unless that is "".
func query(t *testing.T, at, service, form string, edits ...edit) (status int, header http.Header, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if service != "" {
		if err := sigv4.Sign(r, []byte(form), keyID, secret, "eu-west-1", service, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range edits {
		e(r)
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
	return res.StatusCode, res.Header, string(data)
}

func TestQueryAnswers(t *testing.T) {
	var seen awsapi.Call
	at := serveQuery(t, func(ctx context.Context, params url.Values) (any, error) {
		seen = awsapi.CallFrom(ctx)
		return struct{ Said string }{params.Get("What")}, nil
	})
	status, header, body := query(t, at, "sts", "Action=Tell&Version=2011-06-15&What=a%3Cb%26c")
	id := header.Get("x-amzn-RequestId")
	want := `<TellResponse xmlns="https://sts.example/"><TellResult><Said>a&lt;b&amp;c</Said></TellResult><ResponseMetadata><RequestId>` + id + `</RequestId></ResponseMetadata></TellResponse>`
	if status != 200 || body != want || header.Get("Content-Type") != "text/xml" {
		t.Errorf("answer = %d %q\n%s\nwant\n%s", status, header.Get("Content-Type"), body, want)
	}
	if seen.RequestID != id || seen.Action() != "sts:Tell" || seen.Identity.AccessKeyID != keyID || seen.Identity.Region != "eu-west-1" {
		t.Errorf("the action saw %+v", seen)
	}
}

func TestQueryRefuses(t *testing.T) {
	at := serveQuery(t, func(_ context.Context, params url.Values) (any, error) {
		switch params.Get("What") {
		case "panic":
			panic("at the disco")
		case "failure":
			return nil, errors.New("a secret of the house")
		}
		return nil, awsapi.Errorf(400, "Told", "no <you> may not")
	})
	for _, tt := range []struct {
		reason, service, form string
		edit                  edit
		status                int
		kind, code, says      string
	}{
		{"not signed", "", "Action=Tell", nil, 403, "Sender", "MissingAuthenticationToken", "not signed"},
		{"signed for another service", "apprunner", "Action=Tell&Version=2011-06-15", nil, 403, "Sender", "SignatureDoesNotMatch", "&#39;sts&#39;"},
		{"a service that is not here", "ec2", "Action=Tell", nil, 403, "Sender", "SignatureDoesNotMatch", "service"},
		{"a changed body", "sts", "Action=Tell", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("Action=Yell")) }, 403, "Sender", "SignatureDoesNotMatch", "does not match"},
		{"an unknown key", "sts", "Action=Tell", func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), keyID, "AKIAOTHER", 1))
		}, 403, "Sender", "InvalidClientTokenId", "security token"},
		{"an unknown action", "sts", "Action=AssumeRole&Version=2011-06-15", nil, 400, "Sender", "InvalidAction", "Could not find operation AssumeRole for version 2011-06-15"},
		{"another version", "sts", "Action=Tell&Version=1999-01-01", nil, 400, "Sender", "InvalidAction", "1999-01-01"},
		{"no action", "sts", "Version=2011-06-15", nil, 400, "Sender", "MissingAction", "Action"},
		{"no form", "sts", "Action=%zz", nil, 400, "Sender", "MalformedInput", "name=value"},
		{"too large", "sts", strings.Repeat("x", awsapi.MaxBody+1), nil, 413, "Sender", "RequestEntityTooLarge", "larger than"},
		{"an error of the action", "sts", "Action=Tell&Version=2011-06-15", nil, 400, "Sender", "Told", "no &lt;you&gt; may not"},
		{"an error that is not the caller's", "sts", "Action=Tell&What=failure", nil, 500, "Receiver", "InternalFailure", "log of Slipway"},
		{"not allowed", "sts", "Action=Tell&What=forbidden", nil, 403, "Sender", "AccessDenied", "not authorized to perform: sts:Tell"},
		{"a panic", "sts", "Action=Tell&What=panic", nil, 500, "Receiver", "InternalFailure", "log of Slipway"},
	} {
		var edits []edit
		if tt.edit != nil {
			edits = append(edits, tt.edit)
		}
		status, header, body := query(t, at, tt.service, tt.form, edits...)
		want := "<Error><Type>" + tt.kind + "</Type><Code>" + tt.code + "</Code><Message>"
		if status != tt.status || !strings.Contains(body, want) || !strings.Contains(body, tt.says) || strings.Contains(body, "secret of the house") {
			t.Errorf("%s: %d %s", tt.reason, status, body)
		}
		if header.Get("Content-Type") != "text/xml" || !strings.Contains(body, "<RequestId>"+header.Get("x-amzn-RequestId")+"</RequestId></ErrorResponse>") {
			t.Errorf("%s: %v %s", tt.reason, header, body)
		}
	}
}

// A JSON call stays one, whatever is in its URL.
func TestQueryLeavesJSONAlone(t *testing.T) {
	at := serveQuery(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/?Action=Tell", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AppRunner.ListServices")
	if err := sigv4.Sign(r, []byte("{}"), keyID, secret, "eu-west-1", "apprunner", time.Now()); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || string(body) != `{"ServiceSummaryList":[]}` {
		t.Errorf("answer = %d %s", res.StatusCode, body)
	}
}
