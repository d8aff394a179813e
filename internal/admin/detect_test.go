package admin_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

func (w *world) Detect(_ context.Context, here apprunner.Place, in admin.Detection) (admin.Detected, error) {
	w.here = here
	return admin.Detected{Commit: in.Branch, Runtime: "GO_1"}, w.err
}

func (w *world) Settings(context.Context, apprunner.Place) (admin.Settings, error) {
	return admin.Settings{Version: "v1"}, w.err
}

func (w *world) Upload(_ context.Context, here apprunner.Place, keyID, name string, files *multipart.Reader) (admin.Uploaded, error) {
	part, err := files.NextPart()
	if err != nil {
		return admin.Uploaded{}, err
	}
	text, err := io.ReadAll(part)
	w.asked = strings.Join([]string{here.Region, keyID, name, part.FormName(), string(text)}, " ")
	return admin.Uploaded{Files: 1}, err
}

func TestDetect(t *testing.T) {
	t.Parallel()
	const body = `{"RepositoryUrl": "https://git.example/a/b", "Branch": "main", "ConnectionArn": "arn:c", "ServiceName": "web"}`
	w := &world{}
	base := serve(t, w)
	if status, got := send(t, admin.Service, http.MethodPost, base+"detect", body); status != http.StatusOK || !strings.Contains(got, `"Runtime":"GO_1"`) || !strings.Contains(got, `"Why":[]`) {
		t.Errorf("%d %s", status, got)
	}
	want := []string{
		keyID + " slipway:DetectSource arn:aws:apprunner:eu-west-1:123456789012:service/web/*",
		keyID + " slipway:ListRepositories arn:c",
	}
	if !slices.Equal(w.rights, want) {
		t.Errorf("asked for the rights %q", w.rights)
	}
	for reason, body := range map[string]string{"nothing": "", "no branch": `{"RepositoryUrl": "x"}`, "no repository": `{"Branch": "x"}`} {
		if status, got := send(t, admin.Service, http.MethodPost, base+"detect", body); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", reason, status, got)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := &world{}
	if status, got := send(t, admin.Service, http.MethodGet, serve(t, w)+"settings", ""); status != http.StatusOK || !strings.Contains(got, `"problems":[]`) {
		t.Errorf("%d %s", status, got)
	}
	if !slices.Equal(w.rights, []string{keyID + " slipway:GetSettings *"}) {
		t.Errorf("asked for the rights %q", w.rights)
	}
}

// session lets every request in, as the console does.
type session struct{}

func (session) Verify(*http.Request, []byte) (sigv4.Identity, error) {
	return sigv4.Identity{AccessKeyID: keyID, Region: region, Service: admin.Service}, nil
}

func TestUpload(t *testing.T) {
	t.Parallel()
	w := &world{}
	api := &admin.API{Verifier: session{}, Authorizer: w, Uploads: w, Account: "123456789012", Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, _ := form.CreateFormFile("src/main.go", "main.go")
	_, _ = part.Write(bytes.Repeat([]byte("x"), 100<<10)) // more than other requests may have
	_ = form.Close()
	post := func(kind string) *http.Response {
		response, err := server.Client().Post(server.URL+admin.Prefix+"services/web/source", kind, bytes.NewReader(body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response
	}
	if r := post(form.FormDataContentType()); r.StatusCode != http.StatusOK || !strings.HasPrefix(w.asked, region+" "+keyID+" web src/main.go xxx") || len(w.asked) < 100<<10 {
		t.Errorf("%s, asked for %.80q", r.Status, w.asked)
	}
	if want := keyID + " slipway:PutSource arn:aws:apprunner:eu-west-1:123456789012:service/web/*"; !slices.Equal(w.rights, []string{want}) {
		t.Errorf("asked for the rights %q", w.rights)
	}
	if r := post("application/json"); r.StatusCode != http.StatusBadRequest {
		t.Errorf("no form: %s", r.Status)
	}
	w.denied = apprunner.Errorf(apprunner.InvalidRequest, "Not you.")
	if r := post(form.FormDataContentType()); r.StatusCode == http.StatusOK {
		t.Error("who may not upload does")
	}
	// Where calls are signed, nothing is taken that the signature cannot cover.
	if status, _ := send(t, admin.Service, http.MethodPost, serve(t, &world{})+"services/web/source", ""); status != http.StatusNotFound {
		t.Errorf("a signed upload: %d", status)
	}
}
