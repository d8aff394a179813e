package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/daemon"
	"github.com/slipway-run/slipway/test/kit"
)

// TestBackup makes a backup while clients call, services deploy and images come in, restores it in
// another data directory, and calls every service.
func TestBackup(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("web:v1", "u1")
	var made struct{ ARN string }
	aws(t, s, &made, "secretsmanager", "create-secret", "--name", "db", "--secret-string", "correct horse")
	in := secretInput(s, "secret", map[string]string{"DB": made.ARN})
	in.SourceConfiguration.ImageRepository.ImageIdentifier = new(s.Image("web:v1"))
	in.EncryptionConfiguration = &apprunnerapi.EncryptionConfiguration{KmsKey: new("arn:aws:kms:us-east-1:000000000000:key/01234567-89ab-cdef-0123-456789abcdef")}
	services := []*apprunnerapi.Service{s.Run(s.Input("plain", "web:v1")), s.Run(in)}
	paused := s.Run(s.Input("paused", "web:v1"))
	_, id := s.Do("PauseService", *paused.ServiceArn)
	s.AwaitOperation("paused", id)
	dir := filepath.Join(t.TempDir(), "source")
	application(t, dir, "u1")
	s.CLI("deploy", dir)
	services = append(services, s.Describe(arnOf(s, "source")))
	clients := call(s, services[0], 2)
	clients.begun.Store(1)
	file := filepath.Join(t.TempDir(), "slipway.backup")
	busy := make(chan struct{})
	go func() {
		defer close(busy)
		for i := range 10 {
			s.PushMimic(fmt.Sprintf("other-%d:v1", i), "u9")
		}
		s.Create(s.Input("later", "web:v1"))
	}()
	if out := s.CLI("backup", file); !strings.Contains(out, "keep it safe") {
		t.Errorf("backup says %q", out)
	}
	<-busy
	clients.end(t)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v", info, err)
	}

	s.Stop()
	next := kit.New(t, "")
	next.API, next.HTTP = s.API, s.HTTP // what was pushed names the address of the API
	if err := os.RemoveAll(next.Dir); err != nil {
		t.Fatal(err)
	}
	restore := exec.CommandContext(t.Context(), kit.Binary("slipway"), "restore", file, "--data-dir", next.Dir)
	if out, err := restore.CombinedOutput(); err != nil || !strings.Contains(string(out), "slipway serve --data-dir "+next.Dir) {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(next.Dir, daemon.ConfigFile)); err != nil {
		t.Errorf("the configuration file: %v", err)
	}
	next.Start()
	for _, service := range services {
		restored := next.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
		awaitBody(next, restored, "u1 instance")
	}
	wantBody(t, next, services[1], "/env", "DB=correct horse")
	if status := *next.Describe(*paused.ServiceArn).Status; status != apprunnerapi.ServiceStatusPaused {
		t.Errorf("the paused service is %s", status)
	}
	_, id = next.Do("ResumeService", *paused.ServiceArn)
	next.AwaitOperation("paused", id)
	_, id = next.Do("StartDeployment", *services[2].ServiceArn) // builds the source that was pushed
	if o := next.AwaitOperation(*services[2].ServiceName, id); o.Status != "SUCCEEDED" {
		t.Errorf("a build of restored source code: %+v", o)
	}
	if _, stderr, err := next.Try("restore", file); err == nil || !strings.Contains(stderr, "a Slipway runs in") {
		t.Errorf("a restore over a Slipway that runs: %v %s", err, stderr)
	}
}
