package iam

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Profile is the name of the profile that WriteAWSProfile writes.
const Profile = "slipway"

const configText = `# Written by Slipway at every start: changes are lost.
[profile %[1]s]
region = %[2]s
output = json
endpoint_url = %[3]s
services = %[1]s

[services %[1]s]
apprunner =
  endpoint_url = %[3]s
`

const credentialsText = `# Written by Slipway at every start: changes are lost.
[%s]
aws_access_key_id = %s
aws_secret_access_key = %s
`

var regionForm = regexp.MustCompile(`\A[a-z0-9-]{1,63}\z`)

// WriteAWSProfile writes <dir>/aws/config and <dir>/aws/credentials, with which AWS clients reach
// endpoint with key. Exports says how to point a client to them.
//
// Clients honour an endpoint in a profile since the middle of 2023: botocore 1.31, AWS CLI 1.29 and
// 2.13. Older ones, such as the 2.9 of Debian 12, need the option --endpoint-url as well.
func WriteAWSProfile(dir, endpoint, region string, key Key) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsAny(endpoint, " \t\r\n") {
		return fmt.Errorf("write the AWS profile: %q is not an http or https URL", endpoint)
	}
	if !regionForm.MatchString(region) {
		return fmt.Errorf("write the AWS profile: %q is not a Region name", region)
	}
	if err := key.valid(); err != nil {
		return fmt.Errorf("write the AWS profile: %w", err)
	}
	config, credentials := profileFiles(dir)
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		return fmt.Errorf("write the AWS profile: %w", err)
	}
	if err := replacePrivate(config, fmt.Appendf(nil, configText, Profile, region, endpoint)); err != nil {
		return fmt.Errorf("write the AWS config file: %w", err)
	}
	if err := replacePrivate(credentials, fmt.Appendf(nil, credentialsText, Profile, key.ID, key.Secret)); err != nil {
		return fmt.Errorf("write the AWS credentials file: %w", err)
	}
	return nil
}

func profileFiles(dir string) (config, credentials string) {
	return filepath.Join(dir, "aws", "config"), filepath.Join(dir, "aws", "credentials")
}

// conflicting are the variables with which a client would use another key, Region or endpoint than
// those of the profile, or refuse an endpoint of one's own.
const conflicting = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION AWS_DEFAULT_REGION " +
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT"

// served are the services that Slipway has, as clients name them in variables. The environment wins over the
// profile, and the variable of a service over that of all: one left there by another tool would, too.
var served = strings.Fields("APPRUNNER STS ECR ECR_PUBLIC CLOUDWATCH CLOUDWATCH_LOGS SECRETS_MANAGER SSM")

// Exports returns the lines that a shell evaluates to use the profile in dir.
func Exports(dir string) ([]string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the data directory: %w", err)
	}
	config, credentials := profileFiles(dir)
	endpoint, err := endpointOf(config)
	if err != nil {
		return nil, err
	}
	lines := []string{
		"unset " + conflicting,
		"export AWS_CONFIG_FILE=" + quote(config),
		"export AWS_SHARED_CREDENTIALS_FILE=" + quote(credentials),
		"export AWS_PROFILE=" + Profile,
		"export AWS_ENDPOINT_URL=" + quote(endpoint),
	}
	for _, service := range served {
		lines = append(lines, "export AWS_ENDPOINT_URL_"+service+"="+quote(endpoint))
	}
	return lines, nil
}

func endpointOf(config string) (string, error) {
	data, err := readPrivate(config)
	if err != nil {
		return "", fmt.Errorf("read the AWS config file, which slipway serve writes when it starts: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if endpoint, ok := strings.CutPrefix(line, "endpoint_url = "); ok {
			return strings.TrimSpace(endpoint), nil
		}
	}
	return "", fmt.Errorf("the AWS config file %q has no endpoint: start slipway serve to write it again", config)
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
