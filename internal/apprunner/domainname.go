package apprunner

import (
	"regexp"
	"strings"
)

var (
	labelPattern  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	digitsPattern = regexp.MustCompile(`^[0-9]+$`)
	regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// ParseDomainName reads the name of a custom domain: at least two labels, of which the first may be
// a wildcard. It answers it in lower case, without a dot at the end. Names that the URLs of services
// are made of, under our own domain, are refused.
func ParseDomainName(s, our string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	bad := func(why string) (string, error) {
		return "", Errorf(InvalidRequest, "DomainName %q is not valid: %s. Expected a name such as example.com, shop.example.com or *.example.com.", s, why)
	}
	if len(name) > 253 {
		return bad("it has more than 253 characters")
	}
	labels := strings.Split(strings.TrimPrefix(name, "*."), ".")
	if len(labels) < 2 && name != "*.localhost" {
		return bad("it has too few parts")
	}
	for _, label := range labels {
		switch {
		case strings.Contains(label, "*"):
			return bad("a wildcard can only be the whole first label")
		case !labelPattern.MatchString(label):
			return bad("its part \"" + label + "\" is not one to 63 letters, digits and hyphens, beginning and ending with a letter or digit")
		}
	}
	if digitsPattern.MatchString(labels[len(labels)-1]) {
		return bad("it ends with a number, as an address does")
	}
	under, ours := strings.CutSuffix(name, "."+our)
	if name == our || ours && regionPattern.MatchString(under[strings.LastIndexByte(under, '.')+1:]) {
		return bad("it belongs to the URLs of services")
	}
	return name, nil
}

// WildcardOf is the wildcard that covers a name: its first label replaced by a star; "" for a name
// of one label.
func WildcardOf(name string) string {
	if dot := strings.IndexByte(name, '.'); dot > 0 {
		return "*" + name[dot:]
	}
	return ""
}
