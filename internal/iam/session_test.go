package iam

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	const web, batch = "arn:aws:iam::123456789012:role/path/web", "arn:aws:iam::123456789012:role/batch"
	policy, err := ParsePolicy([]byte(`{"Statement":{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"*"}}`))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 25, 12, 59, 59, 0, time.UTC)
	s := NewSessions("secret")
	first := s.At(web, "1", policy, now)
	if !keyShape(first) || first.ARN("000000000000") != "arn:aws:sts::123456789012:assumed-role/web/1" || first.Principal("000000000000") != web {
		t.Errorf("%+v is %s", first, first.ARN("000000000000"))
	}
	if left := first.Expires.Sub(now); left < time.Hour || left > 2*time.Hour {
		t.Errorf("it is good for %v", left)
	}
	again := NewSessions("secret").At(web, "1", policy, now.Add(-59*time.Minute))
	if again.Secret != first.Secret || again.Token != first.Token || !again.Expires.Equal(first.Expires) {
		t.Error("another process makes another session")
	}
	seen := map[string]string{first.ID: "the first"}
	for reason, other := range map[string]Session{
		"the next hour": s.At(web, "1", policy, now.Add(time.Second)), "another holder": s.At(web, "2", policy, now),
		"another role": s.At(batch, "1", policy, now), "another secret": NewSessions("other").At(web, "1", policy, now),
		"parts that run together": NewSessions("secret").At(web+"1", "", policy, now),
	} {
		if same := seen[other.ID]; same != "" || other.Secret == first.Secret || other.Token == first.Token {
			t.Errorf("%s has the credentials of %s", reason, same)
		}
		seen[other.ID] = reason
	}
	if pass := s.Pass("1"); pass == s.Pass("2") || pass == NewSessions("other").Pass("1") || pass != s.Pass("1") {
		t.Error("passes are not each their own")
	}
}

func keyShape(s Session) bool {
	return len(s.ID) == 20 && s.ID[:4] == "ASIA" && secretForm.MatchString(s.Secret) && len(s.Token) > 64
}

// A role without a policy may do nothing: least of all what the root key may.
func TestSessionWithoutPolicy(t *testing.T) {
	t.Parallel()
	u := NewSessions("secret").At("arn:aws:iam::123456789012:role/web", "1", nil, time.Now()).User
	if got := u.Allows(Request{Action: "ssm:GetParameter", Resource: "*"}); u.Root() || cmp.Diff(NotAllowed, got) != "" {
		t.Errorf("root %v, decision %v", u.Root(), got)
	}
}
