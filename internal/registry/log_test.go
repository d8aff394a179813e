package registry_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/slipway-run/slipway/internal/registry"
)

// The handlers must find this registry's logger, not that of the process.
func TestRegistry_LogsToItsOwnLogger(t *testing.T) {
	var process, own bytes.Buffer
	old := logrus.StandardLogger().Out
	logrus.SetOutput(&process)
	t.Cleanup(func() { logrus.SetOutput(old) })

	log := slog.New(slog.NewTextHandler(&own, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r, err := registry.Open(registry.Config{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(r)
	res, err := http.Get(s.URL + "/v2/app/manifests/nope")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	s.Close()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if process.Len() > 0 {
		t.Errorf("the process's logger got:\n%s", process.String())
	}
	if !strings.Contains(own.String(), "MANIFEST_UNKNOWN") || !strings.Contains(own.String(), "vars.name=app") {
		t.Errorf("the registry's logger got:\n%s", own.String())
	}
}
