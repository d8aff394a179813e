package admin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
)

// hubs are the connections of a world.
type hubs struct{ *world }

const connectionARN = "arn:aws:apprunner:eu-west-1:123456789012:connection/hub1/89ab"

func (w hubs) Connections(context.Context, apprunner.Place) ([]admin.Connection, error) {
	return []admin.Connection{{Name: "hub1", ARN: connectionARN, Provider: "GITHUB", Status: apprunner.ConnectionError, Reason: "revoked"}}, nil
}

func (w hubs) CreateConnection(_ context.Context, here apprunner.Place, in admin.NewConnection) (admin.Connection, error) {
	w.here, w.asked = here, in.Name+" "+in.Provider+" "+in.BaseURL
	return admin.Connection{Name: in.Name}, nil
}

func (w hubs) DeleteConnection(_ context.Context, _ apprunner.Place, arn string) error {
	w.asked = arn
	return nil
}

func (w hubs) Authorize(_ context.Context, _ apprunner.Place, arn string, in admin.Authorization) (admin.Authorized, error) {
	if in.Token == "wrong" {
		return admin.Authorized{}, apprunner.Errorf(apprunner.InvalidRequest, "GITHUB refuses the credential.")
	}
	w.asked = arn + " " + in.Method
	return admin.Authorized{OpenURL: "https://open.example"}, nil
}

func (w hubs) Repositories(_ context.Context, _ apprunner.Place, arn, words, page string) (admin.Page[admin.Repository], error) {
	w.asked = arn + " " + words + " " + page
	return admin.Page[admin.Repository]{}, nil
}

func (w hubs) Branches(_ context.Context, _ apprunner.Place, arn, repository, page string) (admin.Page[string], error) {
	w.asked = arn + " " + repository + " " + page
	return admin.Page[string]{Items: []string{"main"}, Next: "2"}, nil
}

func TestConnections(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path, body string
		status             int
		words, asked       string
	}{
		{"GET", "connections", "", 200, `"Reason":"revoked"`, ""},
		{"POST", "connections", `{"Name":"lab1","Provider":"GITLAB","BaseURL":"https://g"}`, 200, `"Name":"lab1"`, "lab1 GITLAB https://g"},
		{"POST", "connections", `{"Name":1}`, 400, "is not what is expected", ""},
		{"POST", "connections/hub1/authorize", `{"Method":"app"}`, 200, `"OpenURL":"https://open.example"`, connectionARN + " app"},
		{"POST", "connections/hub1/authorize", `{"Method":"token","Token":"wrong"}`, 400, "refuses the credential", ""},
		{"POST", "connections/none/authorize", `{}`, 404, `There is no connection \"none\"`, ""},
		{"GET", "connections/hub1/repositories?words=web&page=3", "", 200, `"Items":[]`, connectionARN + " web 3"},
		{"GET", "connections/hub1/branches?repository=a/b", "", 200, `{"Items":["main"],"Next":"2"}`, connectionARN + " a/b "},
		{"DELETE", "connections/hub1", "", 200, "{}", connectionARN},
	} {
		w := &world{}
		status, body := send(t, admin.Service, c.method, serve(t, w)+c.path, c.body)
		if status != c.status || !strings.Contains(body, c.words) || w.asked != c.asked {
			t.Errorf("%s %s: %d %s; asked for %q", c.method, c.path, status, body, w.asked)
		}
	}
	if status, _ := send(t, "", http.MethodGet, serve(t, &world{})+"connections", ""); status != http.StatusForbidden {
		t.Errorf("without a signature: %d", status)
	}
}
