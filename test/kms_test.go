package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// A KMS key of a service stands for a key of Slipway's own. Who destroys that has destroyed what is
// stored of the service; the others go on.
func TestKMSKey(t *testing.T) {
	t.Parallel()
	const kmsKey = "arn:aws:kms:us-east-1:000000000000:key/01234567-89ab-cdef-0123-456789abcdef"
	s := kit.Start(t, "")
	s.PushMimic("mimic:v1", "v1")
	in := s.Input("locked-app", "mimic:v1", "PASSWORD=correct horse")
	in.EncryptionConfiguration = &apprunnerapi.EncryptionConfiguration{KmsKey: new(kmsKey)}
	locked := s.Run(in)
	open := s.Run(s.Input("open-app", "mimic:v1"))
	keys, err := filepath.Glob(filepath.Join(s.Dir, "vault.keys", "*"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("the keys are %q, %v", keys, err)
	}
	destroyed := keys[0] + ".destroyed"
	if err := os.Rename(keys[0], destroyed); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start()
	if code, body := s.Get(open, "/"); code != 200 {
		t.Errorf("the other service answers %d %q", code, body)
	}
	if code, _ := s.Get(locked, "/"); code == 200 {
		t.Error("a service whose key is destroyed is served by a new daemon")
	}
	var out apprunnerapi.DescribeServiceOutput
	err = s.Call("DescribeService", apprunnerapi.DescribeServiceInput{ServiceArn: locked.ServiceArn}, &out)
	s.WantError(err, "InvalidRequestException", "Service locked-app cannot be read: the key that stands for "+kmsKey+" is lost: "+keys[0]+" is not there.")
	if log := s.Log(); !strings.Contains(log, "Service locked-app cannot be read") {
		t.Errorf("the daemon does not say so:\n%s", log)
	}

	// With the key it is back.
	if err := os.Rename(destroyed, keys[0]); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start()
	if code, body := s.Get(locked, "/env"); code != 200 || !strings.Contains(body, "correct horse") {
		t.Errorf("with its key it answers %d %q", code, body)
	}

	// Without, it can be deleted.
	if err := os.Remove(keys[0]); err != nil {
		t.Fatal(err)
	}
	s.Delete(*locked.ServiceArn)
	if code, _ := s.Get(locked, "/"); code != 404 {
		t.Errorf("a service that was deleted answers %d", code)
	}
	if code, body := s.Get(open, "/"); code != 200 {
		t.Errorf("the other service answers %d %q", code, body)
	}
	s.Run(s.Input("locked-app", "mimic:v1")) // the name is free
	s.AwaitSettled(2)
}
