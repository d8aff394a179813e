package source

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/ecr"
)

// publicECR is the host of Amazon ECR Public.
const publicECR = "public.ecr.aws"

// registryOf is the ECR host of an account and Region. Here, that is the embedded registry.
func registryOf(p apprunner.Place) string {
	return p.Account + ".dkr.ecr." + p.Region + ".amazonaws.com"
}

// Reference names an image: by Digest when that is set, else by Tag. It is comparable.
type Reference struct {
	Host       string // as the identifier names it, "docker.io" for Docker Hub
	Repository string // "library/nginx"
	Tag        string // empty only beside a Digest
	Digest     string // "sha256:…", or empty
	Embedded   bool   // in the embedded registry
	Public     bool   // in ECR Public
	Prefix     string // of the repository's name in the embedded registry, "" or "eu-west-1/"
	Role       string // ARN of the access role, for a registry of AWS; set by who knows it
}

// Here is where an identifier is read.
type Here struct {
	apprunner.Place
	// Home is the Region whose repositories have no prefix in the embedded registry; that of Place
	// when empty.
	Home string
	// Hosts are the names, with port, that the embedded registry has beside that of ECR.
	Hosts []string
}

// Stored is the name of an embedded image's repository in the embedded registry.
func (r Reference) Stored() string { return r.Prefix + r.Repository }

// String returns the reference in full.
func (r Reference) String() string {
	s := r.Host + "/" + r.Repository
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

// what is what the registry is asked for, a digest or a tag.
func (r Reference) what() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Tag
}

// ecrHost matches the hosts of private ECR registries of any account.
var ecrHost = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com$`)

// ECR reports whether the image is in a private ECR registry, this one included.
func (r Reference) ECR() bool { return ecrHost.MatchString(r.Host) }

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// Parse reads an ImageIdentifier: an ECR name, a name at the embedded registry's own address, an ECR Public name, or any reference that Docker
// takes. A name without a host is of Docker Hub, and without a tag or a digest means latest. The
// error is an *apprunner.Error with code InvalidRequest.
func Parse(identifier string, here Here) (Reference, error) {
	switch {
	case identifier == "":
		return Reference{}, invalid(identifier, "it is empty")
	case strings.TrimSpace(identifier) != identifier:
		return Reference{}, invalid(identifier, "it begins or ends with a space")
	case scheme.MatchString(identifier):
		return Reference{}, invalid(identifier, "leave out "+scheme.FindString(identifier))
	}
	named, err := reference.ParseNormalizedNamed(identifier)
	if err != nil {
		return Reference{}, invalid(identifier, reason(identifier, err))
	}
	r := Reference{Host: strings.ToLower(reference.Domain(named)), Repository: reference.Path(named)}
	if !strings.ContainsAny(r.Host, ".:") && r.Host != "localhost" {
		return Reference{}, invalid(identifier, "repository names are lowercase, and a registry's host has a dot or a port")
	}
	if tagged, ok := named.(reference.Tagged); ok {
		r.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		r.Digest = digested.Digest().String()
	}
	if r.Tag == "" && r.Digest == "" {
		r.Tag = "latest"
	}
	if r.Host == registryOf(here.Place) {
		r.Embedded, r.Prefix = true, ecr.Prefix(cmp.Or(here.Home, here.Region), here.Region)
	}
	if slices.Contains(here.Hosts, r.Host) {
		r.Embedded = true
	}
	r.Public = r.Host == publicECR
	return r, nil
}

// reason says better what the parser means.
func reason(identifier string, err error) string {
	name, after, found := strings.Cut(identifier, "@")
	if found && digest.Digest(after).Validate() != nil {
		return "what follows @ must be a digest such as sha256: and 64 hexadecimal digits"
	}
	if last := name[strings.LastIndex(name, "/")+1:]; strings.HasSuffix(last, ":") {
		return "the tag after : is missing"
	}
	return strings.TrimPrefix(err.Error(), "invalid reference format: ")
}

func invalid(identifier, why string) error {
	return apprunner.Errorf(apprunner.InvalidRequest, "ImageIdentifier %q is not valid: %s", identifier, why)
}
