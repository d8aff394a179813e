package daemon

import (
	"slices"
	"strings"
	"testing"
)

func TestParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, lines, want string }{
		{"nothing", "", ""},
		{"all fit", "ab\ncd\n", "ab\ncd\n"},
		{"as many as fit", "ab\ncd\nef\n", "ab\ncd\n|ef\n"},
		{"one that is too long", "a\nabcdefgh\nb\n", "a\n|abcdefgh\n|b\n"},
		{"one that just fits", "abcde\nb\n", "abcde\n|b\n"},
	} {
		var got []string
		for part := range parts([]byte(c.lines), 6) {
			got = append(got, string(part))
		}
		if want := strings.Split(c.want, "|"); c.want != "" && !slices.Equal(got, want) || c.want == "" && got != nil {
			t.Errorf("%s: %q, want %q", c.reason, got, want)
		}
	}
}
