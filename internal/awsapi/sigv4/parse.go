package sigv4

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm   = "AWS4-HMAC-SHA256"
	terminator  = "aws4_request"
	timeFormat  = "20060102T150405Z"
	dateFormat  = "20060102"
	maxLifetime = 7 * 24 * time.Hour // of a presigned request, as AWS has it
)

// regionForm is that of the names of Regions, which become part of ARNs and host names.
var regionForm = regexp.MustCompile(`^[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}$`)

const maxRegion = 32

// signature is what a request says about its own signing.
type signature struct {
	accessKeyID   string
	date          string // of the scope: 20060102
	region        string
	service       string
	signedHeaders []string // sorted, lower case
	value         string   // 64 lower-case hexadecimal digits
	time          time.Time
	token         string
	presigned     bool
	lifetime      time.Duration // of a presigned request
}

// parse reads the signature from the Authorization header or, without one, from the query.
func parse(r *http.Request) (*signature, error) {
	// What net/url would drop in silence would be left out of the signature too.
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, incomplete("The query string of the request cannot be parsed.")
	}
	switch values := r.Header.Values("Authorization"); {
	case len(values) > 1:
		return nil, incomplete("The request has more than one Authorization header.")
	case len(values) == 1 && values[0] != "":
		if query.Has("X-Amz-Signature") {
			return nil, incomplete("The request is signed twice: in its Authorization header and in its query string. Use one.")
		}
		return parseHeader(r, values[0])
	case query.Has("X-Amz-Algorithm") || query.Has("X-Amz-Signature"):
		return parseQuery(query)
	}
	return nil, errMissing
}

func parseHeader(r *http.Request, authorization string) (*signature, error) {
	fields, err := authorizationFields(authorization)
	if err != nil {
		return nil, err
	}
	date, err := single(r.Header, "X-Amz-Date")
	if err != nil {
		return nil, err
	}
	token, err := single(r.Header, "X-Amz-Security-Token")
	if err != nil {
		return nil, err
	}
	s := &signature{token: token}
	return s, s.fill(fields["Credential"], fields["SignedHeaders"], fields["Signature"], date)
}

// authorizationFields splits "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…". Spaces
// around the parts do not matter.
func authorizationFields(header string) (map[string]string, error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if scheme != algorithm {
		return nil, incomplete("The Authorization header must begin with %s.", algorithm)
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || value == "" {
			return nil, incomplete("The Authorization header holds a part that is not of the form name=value.")
		}
		if _, twice := fields[name]; twice {
			return nil, incomplete("The Authorization header holds a parameter twice.")
		}
		fields[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if fields[name] == "" {
			return nil, incomplete("Authorization header requires '%s' parameter.", name)
		}
	}
	return fields, nil
}

func single(h http.Header, name string) (string, error) {
	if len(h.Values(name)) > 1 {
		return "", incomplete("The request has more than one %s header.", name)
	}
	return h.Get(name), nil
}

func parseQuery(query url.Values) (*signature, error) {
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Expires"} {
		switch n := len(query[name]); {
		case n > 1:
			return nil, incomplete("The query string holds '%s' twice.", name)
		case n == 0 || query.Get(name) == "":
			return nil, incomplete("AWS query-string parameters must include '%s'.", name)
		}
	}
	if query.Get("X-Amz-Algorithm") != algorithm {
		return nil, incomplete("X-Amz-Algorithm must be %s.", algorithm)
	}
	seconds, err := strconv.Atoi(query.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || seconds > int(maxLifetime/time.Second) {
		return nil, incomplete("X-Amz-Expires must be a number of seconds from 1 to %d.", int(maxLifetime/time.Second))
	}
	if len(query["X-Amz-Security-Token"]) > 1 {
		return nil, incomplete("The query string holds 'X-Amz-Security-Token' twice.")
	}
	s := &signature{presigned: true, lifetime: time.Duration(seconds) * time.Second, token: query.Get("X-Amz-Security-Token")}
	return s, s.fill(query.Get("X-Amz-Credential"), query.Get("X-Amz-SignedHeaders"), query.Get("X-Amz-Signature"), query.Get("X-Amz-Date"))
}

// fill checks the form of the parts that both ways of signing share.
func (s *signature) fill(credential, signedHeaders, value, date string) error {
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || slices.Contains(scope, "") {
		return incomplete("Credential must have the form <access key id>/<date>/<region>/<service>/%s.", terminator)
	}
	if scope[4] != terminator {
		return invalid("Credential should be scoped with a valid terminator: '%s'.", terminator)
	}
	s.accessKeyID, s.date, s.region, s.service = scope[0], scope[1], scope[2], scope[3]
	if len(s.region) > maxRegion || !regionForm.MatchString(s.region) {
		return invalid("Credential should be scoped to a valid region: '%s' is not the name of one, such as us-east-1.", safe(s.region))
	}
	s.signedHeaders = strings.Split(signedHeaders, ";")
	if !slices.IsSorted(s.signedHeaders) || slices.Contains(s.signedHeaders, "") || signedHeaders != strings.ToLower(signedHeaders) ||
		len(slices.Compact(slices.Clone(s.signedHeaders))) != len(s.signedHeaders) {
		return incomplete("SignedHeaders must be a sorted list of lower-case header names, separated by semicolons.")
	}
	if !isHex(value) {
		return incomplete("Signature must be 64 lower-case hexadecimal digits.")
	}
	s.value = value
	if date == "" {
		return incomplete("The request must carry its time in X-Amz-Date.")
	}
	var err error
	if s.time, err = time.Parse(timeFormat, date); err != nil || s.time.Format(timeFormat) != date {
		return incomplete("X-Amz-Date must have the form %s, in UTC.", timeFormat)
	}
	if s.time.Format(dateFormat) != s.date {
		return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s'.", safe(s.date), s.time.Format(dateFormat))
	}
	return nil
}

func isHex(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// safe shortens what a caller sent for a message to the caller.
func safe(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.ToValidUTF8(s, "?")
}
