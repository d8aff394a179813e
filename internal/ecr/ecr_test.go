package ecr

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestImmutable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason     string
		mutability string
		exclusions []string
		tag        string
		want       bool
	}{
		{"the default", "MUTABLE", nil, "v1", false},
		{"all", "IMMUTABLE", nil, "v1", true},
		{"excluded from what is fixed", "IMMUTABLE_WITH_EXCLUSION", []string{"latest", "dev-*"}, "dev-1", false},
		{"excluded literally", "IMMUTABLE_WITH_EXCLUSION", []string{"latest"}, "latest", false},
		{"not excluded", "IMMUTABLE_WITH_EXCLUSION", []string{"latest", "dev-*"}, "v1", true},
		{"only like what is excluded", "IMMUTABLE_WITH_EXCLUSION", []string{"latest"}, "latest2", true},
		{"excluded from what may move", "MUTABLE_WITH_EXCLUSION", []string{"v*"}, "v1", true},
		{"may move", "MUTABLE_WITH_EXCLUSION", []string{"v*"}, "latest", false},
		{"nothing set", "", nil, "v1", false},
	} {
		if got := (Repository{Mutability: c.mutability, Exclusions: c.exclusions}).Immutable(c.tag); got != c.want {
			t.Errorf("%s: %v", c.reason, got)
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, tag string
		want         bool
	}{
		{"*", "", true}, {"*", "x", true}, {"a*", "a", true}, {"a*", "ba", false}, {"*a", "ba", true}, {"*a", "ab", false},
		{"a*a", "a", false}, {"a*a", "aa", true}, {"a*b*c", "axbxc", true}, {"a*b*c", "axcxb", false}, {"a*b*c", "abc", true},
		{"a**c", "ac", true}, {"v*.*.0", "v1.2.0", true}, {"v*.*.0", "v1.0", false},
	} {
		if got := matches(c.pattern, c.tag); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.tag, got)
		}
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	const home = "us-east-1"
	for _, c := range []struct{ stored, region, name string }{
		{"app", home, "app"},
		{"team/app", home, "team/app"},
		{"eu-west-1/app", "eu-west-1", "app"},
		{"eu-west-1/team/app", "eu-west-1", "team/app"},
		{"ap-southeast-2/app", "ap-southeast-2", "app"},
		{"us-gov-west-1/app", "us-gov-west-1", "app"},
		{"eu-west-1", home, "eu-west-1"},
		{"us-east-1/app", home, "us-east-1/app"},
		{"my-app-1/web", home, "my-app-1/web"},
	} {
		region, name := Owner(home, c.stored)
		if region != c.region || name != c.name {
			t.Errorf("%q is %q in %q", c.stored, name, region)
		}
		if got := Stored(home, region, name); got != c.stored {
			t.Errorf("%q becomes %q", c.stored, got)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	secrets := map[string]string{"AKIAONE": "first secret", "AKIATWO": "second secret"}
	tokens := &Tokens{
		Secret: func(_ context.Context, id string) (string, bool, error) { s, ok := secrets[id]; return s, ok, nil },
		Now:    func() time.Time { return now },
	}
	token, expires, err := tokens.Issue(t.Context(), "AKIAONE")
	if err != nil || expires != now.Add(12*time.Hour) || strings.Contains(token, "secret") {
		t.Fatalf("got %q until %v, %v", token, expires, err)
	}
	id, secret, err := tokens.Open(t.Context(), token)
	if err != nil || id != "AKIAONE" || secret != "first secret" {
		t.Errorf("the token is that of %q, %v", id, err)
	}
	refused := func(why, token string) {
		t.Helper()
		if id, secret, err := tokens.Open(t.Context(), token); !errors.Is(err, ErrToken) || id != "" || secret != "" {
			t.Errorf("%s: lets in %q, %v", why, id, err)
		}
	}
	raw, err := encoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := append([]byte(nil), raw...)
		changed[i] ^= 1
		refused("a changed byte", encoding.EncodeToString(changed))
	}
	refused("nothing", "")
	refused("no base64", "!")
	refused("too short", encoding.EncodeToString(raw[:31]))
	refused("signed with no secret", encoding.EncodeToString(append(sign("", "AKIANONE 9999999999"), "AKIANONE 9999999999"...)))
	now = expires.Add(-time.Second)
	if _, _, err := tokens.Open(t.Context(), token); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	now = expires
	refused("expired", token)
	now = expires.Add(-time.Hour)
	secrets["AKIAONE"] = "another secret"
	refused("the key has another secret", token)
	delete(secrets, "AKIAONE")
	refused("the key is gone", token)
	if _, _, err := tokens.Issue(t.Context(), "AKIAONE"); !errors.Is(err, ErrToken) {
		t.Errorf("a token for no key: %v", err)
	}
	broken := &Tokens{Secret: func(context.Context, string) (string, bool, error) { return "", false, errors.New("disk failure") }, Now: time.Now}
	if _, _, err := broken.Open(t.Context(), token); err == nil || errors.Is(err, ErrToken) {
		t.Errorf("a failure that is not the caller's: %v", err)
	}
}

func FuzzTokens(f *testing.F) {
	tokens := &Tokens{Secret: func(context.Context, string) (string, bool, error) { return "a secret", true, nil }, Now: time.Now}
	good, _, err := tokens.Issue(f.Context(), "AKIAONE")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if id, _, err := tokens.Open(t.Context(), token); err == nil && (token != good || id != "AKIAONE") {
			// Other spellings of the same bytes are the same token.
			raw, _ := encoding.DecodeString(token)
			if encoding.EncodeToString(raw) != good {
				t.Errorf("%q lets in %q", token, id)
			}
		}
	})
}
