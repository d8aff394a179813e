package aws

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
)

// Logins logs in to ECR and remembers passwords as long as they are good. The zero value with
// Credentials set is ready; its methods may be called concurrently.
type Logins struct {
	Credentials func() (Credentials, error)
	// Endpoint returns the URL of a service ("sts", "ecr") in a Region; nil means that of AWS.
	Endpoint func(service, region string) string
	HTTP     *http.Client     // nil for one with a time limit
	Now      func() time.Time // nil for the clock

	mu    sync.Mutex
	known map[place]login
}

// ErrRole is wrapped by the error of Login when the role is what AWS refuses: it does not exist, or does
// not trust this machine.
var ErrRole = errors.New("the role cannot be assumed")

type place struct{ host, role string }

type login struct {
	user, password string
	expires        time.Time
}

// spare is how long before its end a password is not used any more: a pull may take a while.
const spare = 30 * time.Minute

var ecrHost = regexp.MustCompile(`^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com$`)

// Login returns the user and the password for a private ECR host, as a role unless that is empty.
// The error is an *engine.Error: AccessDenied when there are no credentials or AWS refuses them,
// Unavailable when it does not answer.
func (l *Logins) Login(ctx context.Context, host, role string) (user, password string, err error) {
	m := ecrHost.FindStringSubmatch(host)
	if m == nil {
		return "", "", engine.Errorf(engine.AccessDenied, "registry %q is not a private ECR registry", host)
	}
	l.mu.Lock()
	kept, ok := l.known[place{host, role}]
	l.mu.Unlock()
	if ok && l.now().Add(spare).Before(kept.expires) {
		return kept.user, kept.password, nil
	}
	fresh, err := l.login(ctx, host, m[1], m[2], role)
	if err != nil {
		return "", "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[place]login{}
	}
	l.known[place{host, role}] = fresh
	return fresh.user, fresh.password, nil
}

func (l *Logins) login(ctx context.Context, host, account, region, role string) (login, error) {
	creds, err := l.Credentials()
	if errors.Is(err, ErrNone) {
		return login{}, engine.Errorf(engine.AccessDenied,
			"registry %q is in AWS, and Slipway has no credentials to ask it with (%w): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the daemon's environment, or log in with: slipway registry login %s", host, err, host)
	}
	if err != nil {
		return login{}, engine.Errorf(engine.AccessDenied, "registry %q is in AWS: %w", host, err)
	}
	if role != "" {
		if creds, err = l.assume(ctx, creds, region, role); err != nil {
			return login{}, err
		}
	}
	return l.token(ctx, creds, account, region, host)
}

// assume returns the credentials of a role, for one use.
func (l *Logins) assume(ctx context.Context, creds Credentials, region, role string) (Credentials, error) {
	creds, _, err := l.assumeAs(ctx, creds, region, role, "slipway", 15*time.Minute)
	return creds, err
}

// Assume returns the credentials of a role for a session with a name, and when they end. The errors are
// those of Login.
func (l *Logins) Assume(ctx context.Context, region, role, session string, life time.Duration) (Credentials, time.Time, error) {
	creds, err := l.Credentials()
	if err != nil {
		return creds, time.Time{}, engine.Errorf(engine.AccessDenied, "Slipway cannot assume role %q (%w): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the daemon's environment", role, err)
	}
	return l.assumeAs(ctx, creds, region, role, session, life)
}

func (l *Logins) assumeAs(ctx context.Context, creds Credentials, region, role, session string, life time.Duration) (Credentials, time.Time, error) {
	form := url.Values{
		"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {session},
		"DurationSeconds": {strconv.Itoa(int(life.Seconds()))},
	}
	body, fault := l.call(ctx, creds, "sts", region, "application/x-www-form-urlencoded; charset=utf-8", "", []byte(form.Encode()))
	if fault != nil {
		if strings.HasPrefix(fault.text, "AccessDenied") {
			fault.err = ErrRole
		}
		return Credentials{}, time.Time{}, fault.explain("AWS does not let Slipway assume the role %q in Region %s", role, region)
	}
	var answer struct {
		Credentials struct {
			AccessKeyId, SecretAccessKey, SessionToken string
			Expiration                                 time.Time
		} `xml:"AssumeRoleResult>Credentials"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil || answer.Credentials.AccessKeyId == "" {
		return Credentials{}, time.Time{}, engine.Errorf(engine.Unavailable, "the answer of STS in Region %s to AssumeRole cannot be read (%v)", region, err)
	}
	c := answer.Credentials
	return Credentials{c.AccessKeyId, c.SecretAccessKey, c.SessionToken}, c.Expiration, nil
}

// token returns the password of a registry.
func (l *Logins) token(ctx context.Context, creds Credentials, account, region, host string) (login, error) {
	request, err := json.Marshal(map[string]any{"registryIds": []string{account}})
	if err != nil {
		return login{}, err
	}
	body, fault := l.call(ctx, creds, "ecr", region, "application/x-amz-json-1.1", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", request)
	if fault != nil {
		return login{}, fault.explain("AWS does not let Slipway log in to registry %q", host)
	}
	var answer struct {
		AuthorizationData []struct {
			AuthorizationToken string
			ExpiresAt          float64 // seconds since 1970
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.AuthorizationData) == 0 {
		return login{}, engine.Errorf(engine.Unavailable, "the answer of ECR in Region %s to GetAuthorizationToken cannot be read (%v)", region, err)
	}
	data := answer.AuthorizationData[0]
	plain, err := base64.StdEncoding.DecodeString(data.AuthorizationToken)
	user, password, ok := strings.Cut(string(plain), ":")
	if err != nil || !ok {
		return login{}, engine.Errorf(engine.Unavailable, "the authorization token of registry %q is not base64 of user:password", host)
	}
	return login{user, password, time.Unix(int64(data.ExpiresAt), 0)}, nil
}

func (l *Logins) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}
