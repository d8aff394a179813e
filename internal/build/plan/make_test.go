package plan

import (
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/slipway-run/slipway/internal/build/runtimes"
)

func settings(t *testing.T, runtime string) Settings {
	t.Helper()
	r, ok := runtimes.Find(runtime)
	if !ok {
		t.Fatalf("there is no runtime %q", runtime)
	}
	return Settings{
		Runtime: r, Images: runtimes.Images{Version: "1", Build: "b", Run: "r"}, Directory: "/web",
		PreBuild: []string{"p1"}, Build: []string{"cd x", "b2"}, PostBuild: []string{"t1"}, PreRun: []string{"r1", "r2"},
		Env: []Variable{{"A", "b"}}, Start: []string{"./app"}, Port: 80,
	}
}

// outline is a plan as "stage < from [Phase] script…" lines.
func outline(p Plan) []string {
	var lines []string
	for _, s := range p.Stages {
		line := s.Name + " < " + s.From + s.Stage
		for _, c := range s.Copies {
			line += " copy " + c.Stage + ":" + c.From + ">" + c.To
		}
		for _, c := range s.Commands {
			line += " [" + string(c.Phase) + "] " + strings.ReplaceAll(c.Script, "\n", "\\n")
		}
		if s.Ship {
			line += " ship"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestPipelines(t *testing.T) {
	t.Parallel()
	for runtime, want := range map[string][]string{
		"python311": {
			"pre-build-stage < b copy :/>/app [PreBuild] p1",
			"build-stage < pre-build-stage [Build] cd x [Build] b2",
			"packaging-stage < r copy build-stage:/app>/app [PreRun] r1 [PreRun] r2 ship",
			"post-build-stage < build-stage [PostBuild] t1",
		},
		"go1": { // builds again in the run image, in one shell
			"pre-build-stage < b copy :/>/app [PreBuild] p1",
			"build-stage < pre-build-stage [Build] cd x\\nb2",
			"packaging-stage < r copy build-stage:/app>/app [Build] cd x\\nb2 ship",
			"post-build-stage < build-stage [PostBuild] t1",
		},
	} {
		p := Make(settings(t, runtime))
		if diff := cmp.Diff(want, outline(p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", runtime, diff)
		}
		for _, s := range p.Stages {
			if s.Dir != "/app/web" || s.Env[0] != (Variable{"A", "b"}) {
				t.Errorf("%s: stage %s is in %s with %v", runtime, s.Name, s.Dir, s.Env)
			}
		}
		if diff := cmp.Diff(Image{Dir: "/app/web", Command: []string{"./app"}, Port: 80}, p.Image); diff != "" {
			t.Errorf("%s (-want +got):\n%s", runtime, diff)
		}
	}
	s := settings(t, "python311")
	s.PostBuild = nil
	if p := Make(s); len(p.Stages) != 3 {
		t.Errorf("nothing to test, and still %d stages", len(p.Stages))
	}
}

func TestCaches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		runtime, script, start, want string
	}{
		"pip":                    {"python311", "pip3 install -r x", "gunicorn", "pip"},
		"a module":               {"python311", "python3 -m pip install x", "gunicorn", "pip"},
		"poetry":                 {"python311", "pip install poetry && poetry install", "gunicorn", "pip poetry"},
		"a script":               {"nodejs22", "./build.sh", "node .", "npm yarn pnpm"},
		"npm":                    {"nodejs22", "npm ci && npm run build", "node .", "npm"},
		"pnpm by npx":            {"nodejs22", "npx --yes pnpm install", "node .", "npm pnpm"},
		"maven":                  {"corretto17", "mvn package", "java -jar x", "maven"},
		"maven's wrapper":        {"corretto17", "./mvnw package", "java -jar x", "maven maven-wrapper"},
		"gradle's wrapper":       {"corretto17", "./gradlew build", "java -jar x", "gradle gradle-wrapper"},
		"go":                     {"go1", "go build -o app .", "./app", "go-build go-modules"},
		"bundler":                {"ruby31", "bundle install", "bundle exec puma", "bundler"},
		"composer":               {"php81", "composer install", "php -S 0:80", "composer"},
		"nuget":                  {"dotnet6", "dotnet publish", "dotnet out/x.dll", "nuget"},
		"started by go":          {"go1", "go build ./...", "go run .", ""},
		"started by maven":       {"corretto11", "mvn package", "mvn exec:java", ""},
		"started by the wrapper": {"corretto11", "./gradlew build", "./gradlew bootRun", ""},
		"a path like a tool":     {"go1", "go build", "./gopher run", "go-build go-modules"},
		"started by dotnet":      {"dotnet6", "dotnet build", "dotnet run", ""},
	} {
		s := settings(t, c.runtime)
		s.Build, s.PreRun, s.Start = []string{c.script}, []string{c.script}, strings.Fields(c.start)
		p := Make(s)
		var got []string
		for _, cache := range p.Stages[2].Commands[0].Caches {
			got = append(got, cache.Name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: the stage of the image has %q, want %q", name, got, c.want)
		}
		if len(p.Stages[1].Commands[0].Caches) == 0 {
			t.Errorf("%s: the build has no cache", name)
		}
	}
}

// The variable of a cache does not take the place of the owner's.
func TestCacheVariables(t *testing.T) {
	t.Parallel()
	s := settings(t, "go1")
	s.Build, s.Env = []string{"go build"}, []Variable{{"GOCACHE", "/mine"}}
	want := []Variable{{"GOCACHE", "/mine"}, {"GOMODCACHE", "/root/go/pkg/mod"}}
	if diff := cmp.Diff(want, Make(s).Stages[1].Env); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Variable{{"GOCACHE", "/mine"}}, s.Env); diff != "" {
		t.Errorf("the settings have changed (-want +got):\n%s", diff)
	}
}

// Scripts end as App Runner's do: with the first command that fails, which of one line is its last part.
func TestScripts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		commands []string
		code     int
		output   string
	}{
		"a failure ends it":      {[]string{"echo a", "exit 3", "echo b"}, 3, "a\n"},
		"cd holds":               {[]string{"cd /usr", "pwd"}, 0, "/usr\n"},
		"variables hold":         {[]string{"export A=1", "echo $A"}, 0, "1\n"},
		"the last part counts":   {[]string{"false; echo a", "echo b"}, 0, "a\nb\n"},
		"and fails":              {[]string{"true; (exit 4)", "echo b"}, 4, ""},
		"cd in a part holds":     {[]string{"true; cd /usr", "pwd"}, 0, "/usr\n"},
		"a loop":                 {[]string{"for i in 1 2; do false; echo $i; done"}, 0, "1\n2\n"},
		"a comment":              {[]string{"echo a; # done", "echo b"}, 0, "a\nb\n"},
		"lines fail one by one":  {[]string{"echo a\nfalse\necho b"}, 1, "a\n"},
		"a document in a script": {[]string{"cat <<X\n;\nX\necho b"}, 0, ";\nb\n"},
	} {
		s := settings(t, "go1")
		s.Build = c.commands
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-e", "-c", Make(s).Stages[1].Commands[0].Script).Output()
		code := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			code = exit.ExitCode()
		}
		if code != c.code || string(out) != c.output {
			t.Errorf("%s: exit code %d with %q, want %d with %q", name, code, out, c.code, c.output)
		}
	}
}

// Debian's sh is not bash, as App Runner's is.
func TestShells(t *testing.T) {
	t.Parallel()
	for script, bash := range map[string]bool{
		"source venv/bin/activate": true, ". venv/bin/activate": false, "cd x && source y": true, "if [[ -f x ]]; then y; fi": true, "[ -f x ]": false,
		"set -o pipefail": true, "cat <<< x": true, "cat <<X\nX": false, "diff <(a) <(b)": true, "make &> log": true, "make > log 2>&1": false,
		"touch {1..3}": true, "echo ${x//a/b}": true, "echo ${x%a}": false, "npm run source": false, "echo resource x": false, "a; pushd x": true,
	} {
		s := settings(t, "python311")
		s.Build = []string{script}
		if got := Make(s).Stages[1].Commands[0].Shell; (got == "/bin/bash") != bash {
			t.Errorf("%q runs in %q", script, got)
		}
	}
	s := settings(t, "python311")
	s.PreRun = []string{"source x"}
	if text := Dockerfile(Make(s)); strings.Count(text, `SHELL ["/bin/bash", "-e", "-c"]`) != 1 {
		t.Errorf("not one stage has bash:\n%s", text)
	}
}

// Whatever commands and values hold, the Dockerfile says the same as the plan.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	scripts := []string{
		"echo a", `["not", "json"]`, "[ -f x ] && y", "# a comment", "cat <<END\nEND\n", "echo END\nEND", `ends with \`, "--mount=x", "a\n\nb", "echo <<x", "<in cat", "x",
	}
	value := "q\"u'o\\t$e ${D}"
	s := settings(t, "nodejs22")
	s.Build, s.Env = scripts, []Variable{{"A", value}, {"LINES", "one\ntwo's"}}
	s.Start = []string{"/bin/sh", "-c", `echo "<&>" && x`}
	text := Dockerfile(Make(s))
	result, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	stages, _, err := instructions.Parse(result.AST, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if last := stages[len(stages)-1]; last.Name != packagingStage {
		t.Errorf("Docker builds the stage %q", last.Name)
	}
	var got []string
	for _, command := range stages[1].Commands {
		if run, ok := command.(*instructions.RunCommand); ok {
			script := strings.Join(run.CmdLine, " ")
			if len(run.Files) > 0 {
				script = strings.TrimSuffix(run.Files[0].Data, "\n")
			}
			got = append(got, strings.TrimPrefix(script, "export LINES='one\ntwo'\\''s'\n"))
		}
	}
	want := []string{}
	for _, text := range scripts {
		want = append(want, strings.TrimSuffix(text, "\n"))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, text)
	}
	for _, must := range []string{
		`ARG A="q\"u'o\\t\$e \${D}"`, "COPY . /app", "COPY --from=build-stage /app /app", "WORKDIR /app/web", "EXPOSE 80", "ENV PORT=80",
		`CMD ["/bin/sh", "-c", "echo \"<&>\" && x"]`, "--mount=type=bind,from=post-build-stage", "--mount=type=cache,sharing=locked,target=/root/.npm",
	} {
		if !strings.Contains(text, must) {
			t.Errorf("no %s in\n%s", must, text)
		}
	}
	if strings.Contains(text, "ENV A") {
		t.Errorf("variables of the build reach the image:\n%s", text)
	}
}

// A plan is data: it goes through JSON unchanged.
func TestJSON(t *testing.T) {
	t.Parallel()
	p := Make(settings(t, "go1"))
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again Plan
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
