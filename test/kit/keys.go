package kit

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/audit"
	"github.com/slipway-run/slipway/internal/iam"
)

// CreateKey makes an access key with the command line.
func (s *Slipway) CreateKey(name, policy string) iam.Key {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), name+".json")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		s.t.Fatal(err)
	}
	var made admin.Key
	if err := json.Unmarshal([]byte(s.CLI("keys", "create", "--name", name, "--policy", file, "--output", "json")), &made); err != nil {
		s.t.Fatal(err)
	}
	return iam.Key{ID: made.ID, Secret: made.Secret, CreatedAt: made.CreatedAt}
}

// As is the same Slipway for whoever has an access key. Only the command line goes on with the root
// key.
func (s *Slipway) As(key iam.Key) *Slipway {
	c := *s
	c.key = &key
	return &c
}

// TryAWSAs runs "aws apprunner" with the access key of s, as a user does without a profile.
func (s *Slipway) TryAWSAs(args ...string) (stdout, stderr string, err error) {
	s.t.Helper()
	key := s.Key()
	env := []string{"AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null"}
	return s.RunAWS(env, append(args, "--endpoint-url", "http://"+s.API, "--region", s.Region)...)
}

// Audit reads the audit log.
func (s *Slipway) Audit() []audit.Entry {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.Dir, "audit", "audit.log"))
	if err != nil {
		s.t.Fatal(err)
	}
	var all []audit.Entry
	for line := range bytes.Lines(data) {
		var e audit.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			s.t.Fatalf("line %q of the audit log: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}
