package build

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// versions is a catalogue of images that are called like their runtimes.
type versions map[string]string

func (v versions) Pick(runtime, lock string) (runtimes.Images, error) {
	version, ok := v[runtime]
	if !ok || !strings.HasPrefix(version+".", lock+".") && lock != "" {
		return runtimes.Images{}, &runtimes.VersionError{Runtime: runtime, Lock: lock, Has: []string{version}}
	}
	images := runtimes.Images{Version: version, Build: "images.example/" + runtime + "-build:" + version, Run: "images.example/" + runtime + ":" + version}
	if r, _ := runtimes.Find(runtime); r.Pipeline == runtimes.Original {
		images.Run = images.Build
	}
	return images, nil
}

var catalogue = versions{
	"python3": "3.8.20", "python311": "3.11.14", "nodejs18": "18.20.8", "nodejs22": "22.21.1", "nodejs24": "24.1.0", "go1": "1.26.8",
	"corretto8": "8.472.08.1", "corretto11": "11.0.28", "corretto17": "17.0.17", "php81": "8.1.33", "php84": "8.4.1", "ruby31": "3.1.7", "ruby34": "3.4.1", "dotnet6": "6.0.36", "dotnet8": "8.0.1",
}

// files makes a file system of names and texts.
func files(all ...string) fstest.MapFS {
	t := fstest.MapFS{}
	for i := 0; i+1 < len(all); i += 2 {
		t[all[i]] = &fstest.MapFile{Data: []byte(all[i+1])}
	}
	return t
}

const python = "version: 1.0\nruntime: python311\nbuild:\n  commands:\n    build:\n      - echo b\nrun:\n  command: python3 app.py\n"

func repository(directory string) Request {
	return Request{Code: apprunner.CodeRepository{Source: apprunner.FromRepository, Directory: directory}}
}

func api(values apprunner.CodeValues) Request {
	return Request{Code: apprunner.CodeRepository{Source: apprunner.FromAPI, Directory: "/", Values: &values}}
}

// summary is a decision on a line: runtime or Dockerfile, start command, port, directory.
func summary(d Decision) string {
	var what string
	if d.Plan != nil {
		what = d.Plan.Runtime
		for _, s := range d.Plan.Stages {
			for _, c := range s.Commands {
				what += " [" + string(c.Phase) + "] " + c.Script
			}
		}
	} else {
		what = d.Dockerfile.Path + " in " + d.Dockerfile.Context
	}
	port, _ := json.Marshal(d.Run.Port)
	return strings.Join([]string{what, strings.Join(d.Run.Command, " "), string(port), d.Run.Dir}, " | ")
}

func TestDecide(t *testing.T) {
	t.Parallel()
	given := func(r Request, s Settings) Request { r.Given = s; return r }
	tagged := func(r Request, tags ...string) Request {
		r.Tags = map[string]string{}
		for i := 0; i < len(tags); i += 2 {
			r.Tags[tags[i]] = tags[i+1]
		}
		return r
	}
	flask := []string{"requirements.txt", "flask\n", "app.py", "app = Flask(__name__)\n"}
	for name, c := range map[string]struct {
		request Request
		files   []string
		want    string
		why     string // a part of the reasons and warnings
	}{
		"a file":                     {repository("/"), []string{"apprunner.yaml", python}, "python311 [Build] echo b | python3 app.py | 8080 | /app", "apprunner.yaml says"},
		"a file below":               {repository("/services/web"), []string{"services/web/apprunner.yaml", python, "apprunner.yaml", "broken: ["}, "python311 [Build] echo b | python3 app.py | 8080 | /app/services/web", ""},
		"a directory with a dot":     {repository(".web/"), []string{".web/apprunner.yaml", python}, "python311 [Build] echo b | python3 app.py | 8080 | /app/.web", ""},
		"no directory":               {repository(""), []string{"apprunner.yaml", python}, "python311 [Build] echo b | python3 app.py | 8080 | /app", ""},
		"a file beside a Dockerfile": {repository("/"), []string{"apprunner.yaml", python, "Dockerfile", ""}, "python311 [Build] echo b | python3 app.py | 8080 | /app", ""},
		"warnings":                   {repository("/"), []string{"apprunner.yaml", strings.Replace(python, "echo b", "pip install x", 1)}, "python311 [Build] pip install x | python3 app.py | 8080 | /app", "apprunner.yaml:6:9: warning: What is installed here"},
		"a shell":                    {repository("/"), []string{"apprunner.yaml", strings.Replace(python, "python3 app.py", "cd x && y", 1)}, "python311 [Build] echo b | /bin/sh -c cd x && exec y | 8080 | /app", "gets one"},
		"an ended runtime": {Request{Code: repository("/").Code, Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}, []string{"apprunner.yaml", strings.Replace(python, "python311", "python3", 1)},
			"python3 [Build] echo b [Build] echo b | python3 app.py | 8080 | /app", "end of support"},

		"the API":                   {api(apprunner.CodeValues{Runtime: "NODEJS_22", Build: "npm ci", Start: "node .", Port: 3000}), []string{"apprunner.yaml", "broken: ["}, "nodejs22 [Build] npm ci | node . | 3000 | /app", "is not read"},
		"the API, nothing to build": {api(apprunner.CodeValues{Runtime: "NODEJS_22", Start: "node ."}), flask, "nodejs22 | node . | 8080 | /app", ""},
		"the API, no commands":      {api(apprunner.CodeValues{Runtime: "PYTHON_311"}), flask, "python311 [PreRun] pip3 install -r requirements.txt | flask --app app run --host 0.0.0.0 --port 8080 | 8080 | /app", "Flask"},
		"the API, lost packages": {api(apprunner.CodeValues{Runtime: "PYTHON_311", Build: "pip install -r requirements.txt", Start: "python3 app.py"}), flask,
			"python311 [Build] pip install -r requirements.txt [PreRun] pip install -r requirements.txt | python3 app.py | 8080 | /app", "as well"},
		"the API, original": {api(apprunner.CodeValues{Runtime: "GO_1", Build: "go build -o a . ; true", Start: "./a"}), nil, "go1 [Build] { go build -o a . ; true\n} || exit [Build] { go build -o a . ; true\n} || exit | ./a | 8080 | /app", ""},

		"a Dockerfile":             {repository("/"), []string{"Dockerfile", "FROM x"}, "/Dockerfile in / |  | 8080 | ", "there is a Dockerfile"},
		"a Dockerfile by tag":      {tagged(repository("/web"), apprunner.TagBuild, "dockerfile"), []string{"web/Dockerfile", "", "web/apprunner.yaml", "x: ["}, "/web/Dockerfile in /web |  | 8080 | ", "The tags"},
		"another Dockerfile":       {tagged(repository("/web"), apprunner.TagDockerfile, "../docker/web.Dockerfile"), []string{"docker/web.Dockerfile", "", "web/x", ""}, "/docker/web.Dockerfile in /web |  | 8080 | ", "context /web"},
		"a Dockerfile and the API": {tagged(api(apprunner.CodeValues{Runtime: "GO_1", Start: "./a -x", Port: 90}), apprunner.TagBuild, "dockerfile"), []string{"Dockerfile", ""}, "/Dockerfile in / | ./a -x | 90 | ", ""},
		"a Dockerfile and flags":   {given(repository("/"), Settings{Port: 90, Start: "x"}), []string{"Dockerfile", ""}, "/Dockerfile in / | x | 90 | ", ""},

		"detection":                  {repository("/"), flask, "python311 [PreRun] pip3 install -r requirements.txt | flask --app app run --host 0.0.0.0 --port 8080 | 8080 | /app", "requirements.txt makes it"},
		"flags and detection":        {given(repository("/"), Settings{Start: "python3 app.py", Port: 5000}), flask, "python311 [PreRun] pip3 install -r requirements.txt | python3 app.py | 5000 | /app", ""},
		"another runtime":            {given(repository("/"), Settings{Runtime: "python3"}), flask, "python3 [Build] pip3 install -r requirements.txt [Build] pip3 install -r requirements.txt | flask --app app run --host 0.0.0.0 --port 8080 | 8080 | /app", ""},
		"another language":           {given(repository("/"), Settings{Runtime: "nodejs22", Build: "make", Start: "node x.js"}), flask, "nodejs22 [Build] make | node x.js | 8080 | /app", ""},
		"flags and a file":           {given(repository("/"), Settings{Runtime: "PYTHON_3", Build: "make", Start: "x", Port: 1}), []string{"apprunner.yaml", strings.Replace(python, "run:\n", "run:\n  runtime-version: 3.11\n", 1)}, "python3 [Build] make [Build] make | x | 1 | /app", ""},
		"a runtime and a Dockerfile": {given(repository("/"), Settings{Runtime: "python311"}), slices.Concat(flask, []string{"Dockerfile", ""}), "python311 [PreRun] pip3 install -r requirements.txt | flask --app app run --host 0.0.0.0 --port 8080 | 8080 | /app", ""},
		"engines":                    {api(apprunner.CodeValues{Runtime: "NODEJS_22", Start: "node ."}), []string{"package.json", `{"engines":{"node":"^20"}}`}, "nodejs22 | node . | 8080 | /app", `engines.node of package.json is "^20", and nodejs22 is Node.js 22.21.1`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Decide(files(c.files...), c.request, catalogue)
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(d); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
			if said := strings.Join(slices.Concat(d.Why, d.Warnings), "\n"); !strings.Contains(said, c.why) {
				t.Errorf("said %q, want %q", said, c.why)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	lock := func(version string) string {
		return "version: 1.0\nruntime: nodejs22\nbuild:\n  commands:\n    build: [npm ci]\nrun:\n  runtime-version: " + version + "\n  command: node .\n"
	}
	tags := func(kind, path string) Request {
		return Request{Code: repository("/").Code, Tags: map[string]string{apprunner.TagBuild: kind, apprunner.TagDockerfile: path}}
	}
	for name, c := range map[string]struct {
		request Request
		files   []string
		want    string
	}{
		"a broken file":             {repository("/"), []string{"apprunner.yaml", "version: 1.0\nruntime: go1\n"}, `apprunner.yaml:1:1: error: "build" is missing`},
		"a broken file below":       {repository("/a/b"), []string{"a/b/apprunner.yaml", "version: 1.0\nruntime: go1\n"}, `a/b/apprunner.yaml:1:1: error: "build" is missing`},
		"a large file":              {repository("/"), []string{"apprunner.yaml", strings.Repeat("#", 300<<10)}, "are the limit"},
		"a directory":               {repository("/"), []string{"apprunner.yaml/x", ""}, "it is no file"},
		"yml":                       {repository("/web"), []string{"web/apprunner.yml", python, "web/requirements.txt", ""}, "/web/apprunner.yml is not read: App Runner reads apprunner.yaml alone. Rename it."},
		"capitals":                  {repository("/"), []string{"AppRunner.yaml", python}, "/AppRunner.yaml is not read"},
		"no version":                {repository("/"), []string{"apprunner.yaml", lock("21")}, `apprunner.yaml:7:20: error: The specified runtime version is not supported.`},
		"no version at all":         {api(apprunner.CodeValues{Runtime: "NODEJS_12", Start: "x"}), nil, "The specified runtime version is not supported."},
		"engines":                   {repository("/"), []string{"apprunner.yaml", lock("22.21"), "package.json", `{"engines":{"node":"18.x"}}`}, `apprunner.yaml:7:20: error: run.runtime-version is 22.21, and engines.node of package.json is "18.x"`},
		"no such directory":         {repository("/web"), []string{"Web/apprunner.yaml", python}, `The repository has no directory "/web"`},
		"a file as directory":       {repository("/web"), []string{"web", ""}, "is a file"},
		"out of the tree":           {repository("/../etc"), []string{"apprunner.yaml", python}, "leads out of the repository"},
		"out, hidden":               {repository("/a/../../etc"), []string{"apprunner.yaml", python}, "leads out of the repository"},
		"no such runtime":           {api(apprunner.CodeValues{Runtime: "NODEJS_19", Start: "x"}), nil, `There is no runtime "NODEJS_19". Write nodejs20.`},
		"an open quote":             {api(apprunner.CodeValues{Runtime: "GO_1", Start: `x "y`}), nil, "a quote \" that is not closed, at its character 3"},
		"an open quote in a file":   {repository("/"), []string{"apprunner.yaml", strings.Replace(python, "python3 app.py", `python3 "app.py`, 1)}, "apprunner.yaml:8:12: error: The start command cannot be split"},
		"nothing":                   {repository("/"), []string{"README.md", ""}, "Slipway cannot tell how to build this folder"},
		"a strange tag":             {tags("buildpack", ""), []string{"Dockerfile", ""}, `The tag slipway:build is "buildpack"`},
		"no Dockerfile":             {tags("dockerfile", ""), []string{"web/Dockerfile", ""}, "The repository has no file /Dockerfile"},
		"a Dockerfile outside":      {tags("dockerfile", "../Dockerfile"), []string{"Dockerfile", ""}, "leads out of the repository"},
		"Dockerfile is a directory": {tags("dockerfile", "docker"), []string{"docker/x", ""}, "has no file /docker"},
		"a language without files":  {Request{Code: repository("/").Code, Given: Settings{Runtime: "ruby34"}}, []string{"app.py", ""}, "with the language ruby"},
		"a flag without runtime":    {Request{Code: repository("/").Code, Given: Settings{Runtime: "cobol"}}, []string{"app.py", ""}, `There is no runtime "cobol"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Decide(files(c.files...), c.request, catalogue)
			failure, ok := errors.AsType[*plan.Failure](err)
			if !ok || !strings.Contains(failure.Reason, c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

// What is run gets its variables without those that lose to the port, and secrets win.
func TestRun(t *testing.T) {
	t.Parallel()
	file := python + "  network:\n    port: 9000\n    env: HTTP_PORT\n  env:\n    - {name: PORT, value: 1}\n    - {name: HTTP_PORT, value: 2}\n    - {name: A, value: b}\n    - {name: S, value: x}\n  secrets:\n    - {name: S, value-from: s}\n"
	d, err := Decide(files("apprunner.yaml", file), repository("/"), catalogue)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(d.Run)
	if diff := cmp.Diff(`{"command":["python3","app.py"],"dir":"/app","port":9000,"portVariable":"HTTP_PORT","env":[{"name":"A","value":"b"}],"secrets":[{"name":"S","from":"s"}]}`, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(d.Warnings) != 3 {
		t.Errorf("warnings %q", d.Warnings)
	}
	d, err = Decide(files(), api(apprunner.CodeValues{Runtime: "GO_1", Start: "x", Variables: map[string]string{"B": "2", "A": "1", "PORT": "9"}}), catalogue)
	if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], `has PORT "9"; the application gets 8080`) {
		t.Errorf("warnings %q", d.Warnings)
	}
	if diff := cmp.Diff([]plan.Variable{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}}, d.Run.Env); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A catalogue that cannot be read is no fault of the repository.
func TestMachineFailure(t *testing.T) {
	t.Parallel()
	_, err := Decide(files("apprunner.yaml", python), repository("/"), broken{})
	if _, ok := errors.AsType[*plan.Failure](err); ok || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
}

type broken struct{}

func (broken) Pick(string, string) (runtimes.Images, error) {
	return runtimes.Images{}, fs.ErrPermission
}

// Links inside of a repository are followed, and none out of it, however the folder is opened.
func TestLinks(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	for name, text := range map[string]string{"apprunner.yaml": python, "Dockerfile": "FROM secret", "index.html": ""} {
		if err := os.WriteFile(filepath.Join(outside, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	relative := func(dir string) string {
		r, err := filepath.Rel(dir, outside)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for name, c := range map[string]struct {
		links   map[string]string
		request Request
		want    string // "" for success
	}{
		"a link inside":           {map[string]string{"apprunner.yaml": "config/app.yaml"}, repository("/"), ""},
		"a directory inside":      {map[string]string{"web": "real/web", "real/web/apprunner.yaml": "../../config/app.yaml"}, repository("/web"), ""},
		"a file outside":          {map[string]string{"apprunner.yaml": outside + "/apprunner.yaml"}, repository("/"), "apprunner.yaml in the source directory cannot be read: it leads out of the repository"},
		"a relative file outside": {map[string]string{"apprunner.yaml": "OUT/apprunner.yaml"}, repository("/"), "leads out of the repository"},
		"a directory outside":     {map[string]string{"web": outside}, repository("/web"), "leads out of the repository"},
		"a link to a link":        {map[string]string{"apprunner.yaml": "a", "a": "OUT/apprunner.yaml"}, repository("/"), "leads out of the repository"},
		"detection inside":        {map[string]string{"app.py": "real/web/x"}, repository("/"), ""},
		"a pipe":                  {map[string]string{"apprunner.yaml": "Procfile"}, repository("/"), "apprunner.yaml in the source directory cannot be read: it is no file"},
		"a loop":                  {map[string]string{"apprunner.yaml": "apprunner.yaml"}, repository("/"), "a link that leads nowhere"},
		"a link to nothing":       {map[string]string{"apprunner.yaml": "gone", "index.html": outside + "/index.html"}, repository("/"), "Slipway cannot tell"},
		"a Dockerfile outside":    {map[string]string{"Dockerfile": outside + "/Dockerfile"}, Request{Code: repository("/").Code, Tags: map[string]string{apprunner.TagBuild: "dockerfile"}}, "leads out of the repository"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range map[string]string{"config/app.yaml": python, "real/web/x": ""} {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for link, to := range c.links {
				if err := os.Symlink(strings.Replace(to, "OUT", relative(dir), 1), filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			if err := unix.Mkfifo(filepath.Join(dir, "Procfile"), 0o600); err != nil { // who opens it waits forever
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			for _, src := range []fs.FS{os.DirFS(dir), root.FS()} {
				d, err := Decide(src, c.request, catalogue)
				if c.want == "" && (err != nil || d.Plan == nil) {
					t.Errorf("%T: %v", src, err)
				} else if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%T: %v, want %s", src, err, c.want)
				}
			}
		})
	}
}
