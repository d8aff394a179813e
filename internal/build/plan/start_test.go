package plan

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArgv(t *testing.T) {
	t.Parallel()
	shell := func(script string) []string { return []string{"/bin/sh", "-c", script} }
	for command, c := range map[string]struct {
		want   []string
		reason string
	}{
		"./server":                   {[]string{"./server"}, "one word"},
		"  node   dist/main.js ":     {[]string{"node", "dist/main.js"}, "spaces"},
		`gunicorn "my app:app"`:      {[]string{"gunicorn", "my app:app"}, "quotes hold a word together"},
		`java -cp target/lib/* M`:    {[]string{"java", "-cp", "target/lib/*", "M"}, "Java reads the pattern itself"},
		`gunicorn app:create()`:      {[]string{"gunicorn", "app:create()"}, "brackets in a word are no subshell"},
		`app --dsn a?b=1&c=2;d`:      {[]string{"app", "--dsn", "a?b=1&c=2;d"}, "operators inside of a word"},
		`app --price $5 '$HOME'`:     {[]string{"app", "--price", "$5", "$HOME"}, "no variables"},
		`app "\$HOME" \$HOME`:        {[]string{"app", "$HOME", "$HOME"}, "escaped"},
		`sh -c 'cd x && exec y'`:     {[]string{"sh", "-c", "cd x && exec y"}, "has its own shell"},
		`app '' ""`:                  {[]string{"app", "", ""}, "empty arguments"},
		`app "&&" ';'`:               {[]string{"app", "&&", ";"}, "quoted operators are arguments"},
		`app --env=A=b`:              {[]string{"app", "--env=A=b"}, "an assignment is one only at the start"},
		`cd web && gunicorn app`:     {shell("cd web && exec gunicorn app"), "a chain; its last program gets the signals"},
		`a && b && exec c`:           {shell("a && b && exec c"), "exec is there"},
		`gunicorn -b 0.0.0.0:$PORT`:  {shell("exec gunicorn -b 0.0.0.0:$PORT"), "a variable"},
		`app "${HOST}" -p x`:         {shell(`exec app "${HOST}" -p x`), "a variable in quotes"},
		`app $(nproc)`:               {shell(`exec app $(nproc)`), "a command in a command"},
		"app `nproc`":                {shell("exec app `nproc`"), "the same, of old"},
		`NODE_ENV=production node .`: {shell("NODE_ENV=production exec node ."), "an assignment"},
		`cd web && A=1 node .`:       {shell("cd web && A=1 exec node ."), "both"},
		`a | b`:                      {shell("a | b"), "a pipe"},
		`a; b`:                       {shell("a; b"), "a sequence"},
		`a || b`:                     {shell("a || b"), "an alternative"},
		`a & b`:                      {shell("a & b"), "in the background"},
		`app > /dev/stdout 2>&1`:     {shell("exec app > /dev/stdout 2>&1"), "a redirection"},
		`app 2>&1`:                   {shell("exec app 2>&1"), "a redirection in one word"},
		"migrate\nserve":             {shell("migrate\nserve"), "two lines"},
		`source env && app`:          {[]string{"/bin/bash", "-c", "source env && exec app"}, "a builtin of bash"},
		`~/bin/app`:                  {shell("exec ~/bin/app"), "the home directory"},
		`(cd x && y)`:                {shell("(cd x && y)"), "a subshell"},
		`exec app`:                   {shell("exec app"), "a builtin alone"},
	} {
		got, err := Argv(command)
		if err != nil {
			t.Errorf("%s: %q: %v", c.reason, command, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %q (-want +got):\n%s", c.reason, command, diff)
		}
		if Shell(got) != (len(c.want) == 3 && strings.HasPrefix(c.want[0], "/bin/")) {
			t.Errorf("%s: %q: Shell is %v", c.reason, command, Shell(got))
		}
	}
	for command, want := range map[string]string{"": "has no program", "  ": "has no program", `app "x`: "at its character 5", `app 'x y`: "not closed"} {
		if _, err := Argv(command); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", command, err, want)
		}
	}
}

// Where no shell is needed, a shell would have made the same words.
func FuzzArgv(f *testing.F) {
	for _, seed := range []string{"a b", `a 'b c' "d e"`, `a\ b`, `"\$x"`, "a && b", "A=1 b", `x "`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, command string) {
		argv, err := Argv(command)
		if err != nil || Shell(argv) {
			return
		}
		for _, c := range command { // where shells have meanings that App Runner has not
			if c < ' ' || c > '~' || strings.ContainsRune("*?[]{}()<>|&;~!#^$`", c) {
				return
			}
		}
		if slices.Contains([]string{"-", "--"}, argv[0]) || strings.HasSuffix(command, `\`) {
			return
		}
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", `set -- `+command+`; for a in "$@"; do printf '%s\0' "$a"; done`).Output()
		if err != nil {
			t.Skip()
		}
		if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, argv) {
			t.Errorf("%q is %q, and %q to a shell", command, argv, got)
		}
	})
}
