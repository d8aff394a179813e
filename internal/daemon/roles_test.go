package daemon

import (
	"strings"
	"testing"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	const own = "arn:aws:iam::123456789012:role/service-role/AppRunnerECRAccessRole"
	for _, c := range []struct {
		reason, role, account string
		patterns              []string
		want                  string
	}{
		{"every role of the account is one", own, "123456789012", nil, ""},
		{"of another account", own, "210987654321", nil, "is of account 123456789012, and this is account 210987654321"},
		{"the default account is nobody's", own, "000000000000", nil, ""},
		{"listed by its name", own, "123456789012", []string{"other", "AppRunnerECRAccessRole"}, ""},
		{"listed with its path", own, "123456789012", []string{"service-role/App*"}, ""},
		{"not listed", own, "123456789012", []string{"pull", "role/*"}, "There is no role " + own},
		{"of another account, though a name is listed", own, "210987654321", []string{"*"}, "is of account"},
		{"without a path", "arn:aws:iam::123456789012:role/web", "123456789012", []string{"we?"}, ""},
	} {
		got := foreign(c.role, c.account, c.patterns)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
	if errs := (RoleConfig{Instance: []string{"[", "web"}, Access: []string{""}}).validate(); len(errs) != 2 {
		t.Errorf("got %v", errs)
	}
}
