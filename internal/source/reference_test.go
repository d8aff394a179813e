package source_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source"
)

var here = source.Here{
	Place: apprunner.Place{Account: "000000000000", Region: "us-east-1"},
	Hosts: []string{"127.0.0.1:7420", "localhost:7420"},
}

const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestParse(t *testing.T) {
	const ecr = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
	tests := []struct {
		reason, identifier, text string
		want                     source.Reference
	}{
		{"an ECR name of this account and Region", ecr + "/team/app:v1", ecr + "/team/app:v1",
			source.Reference{Host: ecr, Repository: "team/app", Tag: "v1", Embedded: true}},
		{"without a tag", ecr + "/app", ecr + "/app:latest",
			source.Reference{Host: ecr, Repository: "app", Tag: "latest", Embedded: true}},
		{"by digest", ecr + "/app@" + digest, ecr + "/app@" + digest,
			source.Reference{Host: ecr, Repository: "app", Digest: digest, Embedded: true}},
		{"by tag and digest", ecr + "/app:v1@" + digest, ecr + "/app:v1@" + digest,
			source.Reference{Host: ecr, Repository: "app", Tag: "v1", Digest: digest, Embedded: true}},
		{"of another account", "111111111111.dkr.ecr.us-east-1.amazonaws.com/app:v1", "111111111111.dkr.ecr.us-east-1.amazonaws.com/app:v1",
			source.Reference{Host: "111111111111.dkr.ecr.us-east-1.amazonaws.com", Repository: "app", Tag: "v1"}},
		{"of another Region", "000000000000.dkr.ecr.eu-west-1.amazonaws.com/app:v1", "000000000000.dkr.ecr.eu-west-1.amazonaws.com/app:v1",
			source.Reference{Host: "000000000000.dkr.ecr.eu-west-1.amazonaws.com", Repository: "app", Tag: "v1"}},
		{"at the registry's own address", "127.0.0.1:7420/team/app:v1", "127.0.0.1:7420/team/app:v1",
			source.Reference{Host: "127.0.0.1:7420", Repository: "team/app", Tag: "v1", Embedded: true}},
		{"at another name of that address", "localhost:7420/eu-west-1/app", "localhost:7420/eu-west-1/app:latest",
			source.Reference{Host: "localhost:7420", Repository: "eu-west-1/app", Tag: "latest", Embedded: true}},
		{"an ECR name's host in the path", "example.com/" + ecr + "/app:v1", "example.com/" + ecr + "/app:v1",
			source.Reference{Host: "example.com", Repository: ecr + "/app", Tag: "v1"}},
		{"ECR Public", "public.ecr.aws/nginx/nginx:latest", "public.ecr.aws/nginx/nginx:latest",
			source.Reference{Host: "public.ecr.aws", Repository: "nginx/nginx", Tag: "latest", Public: true}},
		{"one word is of Docker Hub's library", "nginx", "docker.io/library/nginx:latest",
			source.Reference{Host: "docker.io", Repository: "library/nginx", Tag: "latest"}},
		{"two words are of Docker Hub", "grafana/grafana:11.0.0", "docker.io/grafana/grafana:11.0.0",
			source.Reference{Host: "docker.io", Repository: "grafana/grafana", Tag: "11.0.0"}},
		{"Docker Hub's old name", "index.docker.io/nginx", "docker.io/library/nginx:latest",
			source.Reference{Host: "docker.io", Repository: "library/nginx", Tag: "latest"}},
		{"GHCR", "ghcr.io/owner/name/deep:sha-1", "ghcr.io/owner/name/deep:sha-1",
			source.Reference{Host: "ghcr.io", Repository: "owner/name/deep", Tag: "sha-1"}},
		{"Quay", "quay.io/prometheus/prometheus", "quay.io/prometheus/prometheus:latest",
			source.Reference{Host: "quay.io", Repository: "prometheus/prometheus", Tag: "latest"}},
		{"localhost with a port", "localhost:5000/x", "localhost:5000/x:latest",
			source.Reference{Host: "localhost:5000", Repository: "x", Tag: "latest"}},
		{"localhost without", "localhost/x", "localhost/x:latest",
			source.Reference{Host: "localhost", Repository: "x", Tag: "latest"}},
		{"a private registry with a port", "registry.example:8443/a/b:c", "registry.example:8443/a/b:c",
			source.Reference{Host: "registry.example:8443", Repository: "a/b", Tag: "c"}},
		{"an IPv6 address", "[::1]:5000/x:y", "[::1]:5000/x:y",
			source.Reference{Host: "[::1]:5000", Repository: "x", Tag: "y"}},
		{"capitals in the host", "GHCR.IO/owner/app", "ghcr.io/owner/app:latest",
			source.Reference{Host: "ghcr.io", Repository: "owner/app", Tag: "latest"}},
	}
	for _, tt := range tests {
		got, err := source.Parse(tt.identifier, here)
		if err != nil {
			t.Errorf("%s: %v", tt.reason, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", tt.reason, diff)
		}
		if got.String() != tt.text {
			t.Errorf("%s: String() = %q, want %q", tt.reason, got, tt.text)
		}
	}
}

// The daemon is of one Region; names of another are kept apart.
func TestParse_InAnotherRegion(t *testing.T) {
	const ecr = "000000000000.dkr.ecr.eu-west-1.amazonaws.com"
	there := source.Here{Place: apprunner.Place{Account: "000000000000", Region: "eu-west-1"}, Home: "us-east-1"}
	got, err := source.Parse(ecr+"/app:v1", there)
	if want := (source.Reference{Host: ecr, Repository: "app", Tag: "v1", Embedded: true, Prefix: "eu-west-1/"}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if got.Stored() != "eu-west-1/app" || got.String() != ecr+"/app:v1" {
		t.Errorf("it is stored as %q and called %q", got.Stored(), got)
	}
}

func TestParse_SaysWhatIsWrong(t *testing.T) {
	tests := []struct{ reason, identifier, want string }{
		{"nothing", "", "it is empty"},
		{"a URL", "https://ghcr.io/owner/app", "leave out https://"},
		{"a space around", " nginx", "begins or ends with a space"},
		{"a space within", "ng inx", "invalid reference format"},
		{"capitals in the repository", "ghcr.io/Owner/app", "must be lowercase"},
		{"capitals in the first part", "Owner/app", "repository names are lowercase"},
		{"an empty tag", "nginx:", "the tag after : is missing"},
		{"a short digest", "nginx@sha256:abc", "64 hexadecimal digits"},
		{"a tag that is too long", "nginx:" + strings.Repeat("x", 129), "invalid reference format"},
		{"a path upwards", "example.com/../etc", "invalid reference format"},
	}
	for _, tt := range tests {
		_, err := source.Parse(tt.identifier, here)
		if apprunner.CodeOf(err) != apprunner.InvalidRequest || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an InvalidRequest with %q", tt.reason, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"nginx", "a/b:c", "localhost:5000/x@" + digest, "000000000000.dkr.ecr.us-east-1.amazonaws.com/app:v1",
		"public.ecr.aws/a/b", "[::1]:5000/x", "A/b", "a//b", "a:b:c", "@", ":", "/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, identifier string) {
		ref, err := source.Parse(identifier, here)
		if err != nil {
			if apprunner.CodeOf(err) != apprunner.InvalidRequest {
				t.Errorf("%q: %v has no code", identifier, err)
			}
			return
		}
		if ref.Host == "" || ref.Repository == "" || ref.Tag == "" && ref.Digest == "" {
			t.Errorf("%q: incomplete %+v", identifier, ref)
		}
		if strings.Contains(ref.Repository, "..") && strings.Contains("/"+ref.Repository+"/", "/../") {
			t.Errorf("%q: the repository leads upwards: %q", identifier, ref.Repository)
		}
		again, err := source.Parse(ref.String(), here)
		if err != nil || again != ref {
			t.Errorf("%q: %q parses to %+v, %v; want %+v", identifier, ref, again, err, ref)
		}
	})
}
