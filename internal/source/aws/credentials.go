package aws

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Credentials sign calls of AWS. Temporary ones have a token.
type Credentials struct{ KeyID, Secret, Token string }

// ErrNone says that this machine has no credentials for AWS.
var ErrNone = errors.New("there are no AWS credentials")

// FromMachine returns the credentials in the environment of this process or, without any, those of
// a profile in the shared credentials file of its user.
func FromMachine() (Credentials, error) {
	c := Credentials{os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")}
	if c.KeyID != "" && c.Secret != "" {
		return c, nil
	}
	file := os.Getenv("AWS_SHARED_CREDENTIALS_FILE")
	if file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return Credentials{}, ErrNone
		}
		file = filepath.Join(home, ".aws", "credentials")
	}
	return fromFile(file, cmp.Or(os.Getenv("AWS_PROFILE"), "default"))
}

func fromFile(file, profile string) (Credentials, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Credentials{}, ErrNone
	}
	if err != nil {
		return Credentials{}, fmt.Errorf("read the AWS credentials: %w", err)
	}
	defer func() { _ = f.Close() }()
	var c Credentials
	in := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if name, ok := strings.CutPrefix(line, "["); ok {
			in = strings.TrimSpace(strings.TrimSuffix(name, "]")) == profile
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		if !in || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "aws_access_key_id":
			c.KeyID = value
		case "aws_secret_access_key":
			c.Secret = value
		case "aws_session_token":
			c.Token = value
		}
	}
	if err := lines.Err(); err != nil {
		return Credentials{}, fmt.Errorf("read the AWS credentials in %q: %w", file, err)
	}
	if c.KeyID == "" || c.Secret == "" {
		return Credentials{}, fmt.Errorf("profile %q in %q: %w", profile, file, ErrNone)
	}
	return c, nil
}
