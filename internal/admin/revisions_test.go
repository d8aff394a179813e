package admin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
)

func (w *world) Revisions(context.Context, apprunner.Place, string) ([]apprunner.Revision, error) {
	return []apprunner.Revision{
		{ID: "r2", Number: 2, Digest: "sha256:2", Commit: &apprunner.Commit{ID: "4f2a", Message: "Second"}, Spec: apprunner.Spec{Image: apprunner.Image{Identifier: "internal"}}, CreatedAt: noon},
		{ID: "r1", Number: 1, Digest: "sha256:1", Served: true, Spec: apprunner.Spec{Image: apprunner.Image{Identifier: "nginx", Variables: map[string]string{"A": "secret"}}}, CreatedAt: noon},
	}, nil
}

func (w *world) Rollback(_ context.Context, _ apprunner.Place, arn string, number int) (apprunner.Service, apprunner.Operation, error) {
	if number == 7 {
		return apprunner.Service{}, apprunner.Operation{}, apprunner.Errorf(apprunner.ResourceNotFound, "Service web has no revision 7.")
	}
	w.asked = arn
	return apprunner.Service{}, apprunner.Operation{ID: "back"}, nil
}

func (w *world) Cancel(_ context.Context, _ apprunner.Place, arn string) (apprunner.Operation, error) {
	w.asked = arn
	return apprunner.Operation{ID: "ended"}, nil
}

func (w *world) DeployCommit(_ context.Context, _ apprunner.Place, _, commit string) (apprunner.Service, apprunner.Operation, error) {
	w.asked = commit
	return apprunner.Service{}, apprunner.Operation{ID: "forth"}, nil
}

func TestRevisions(t *testing.T) {
	t.Parallel()
	status, body := send(t, admin.Service, http.MethodGet, serve(t, &world{})+"services/web/revisions", "")
	if status != http.StatusOK || !strings.Contains(body, `"image":"nginx"`) || !strings.Contains(body, `"Message":"Second"`) {
		t.Errorf("%d %s", status, body)
	}
	if strings.Contains(body, "internal") || strings.Contains(body, "secret") {
		t.Errorf("the answer tells more than it should: %s", body)
	}
}

func TestDeployments(t *testing.T) {
	t.Parallel()
	const commit = "4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a"
	for path, c := range map[string]struct {
		body   string
		status int
		words  string
		asked  string
	}{
		"rollback":                {`{"Revision":1}`, 200, `"operationId":"back"`, arn},
		"cancel":                  {`{}`, 200, `"operationId":"ended"`, arn},
		"rollback?of=none":        {`{"Revision":7}`, 404, "has no revision 7", ""},
		"rollback?body=bad":       {`{"Revision":"x"}`, 400, "is not what is expected", ""},
		"deploy-commit":           {`{"Commit":"` + commit + `"}`, 200, `"operationId":"forth"`, commit},
		"deploy-commit?of=branch": {`{"Commit":"main"}`, 400, "is not the id of a commit", ""},
		"deploy-commit?of=option": {`{"Commit":"--upload-pack"}`, 400, "is not the id of a commit", ""},
	} {
		w := &world{}
		status, body := send(t, admin.Service, http.MethodPost, serve(t, w)+"services/web/"+path, c.body)
		if status != c.status || !strings.Contains(body, c.words) || w.asked != c.asked {
			t.Errorf("%s: %d %s; asked for %q", path, status, body, w.asked)
		}
	}
}
