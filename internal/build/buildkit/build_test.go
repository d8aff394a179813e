package buildkit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/plan"
)

// twoStages is the shape of App Runner's revised build: /app is carried over, and a stage after it must
// succeed though it is not part of the image.
func twoStages(base string) *plan.Plan {
	cache := []plan.Cache{{Name: "things", Target: "/cache"}}
	return &plan.Plan{
		Stages: []plan.Stage{
			{
				Name: "build", From: base, Dir: "/app", Env: []plan.Variable{{Name: "MODE", Value: "build time"}},
				Copies: []plan.Copy{{From: "/", To: "/app"}},
				Commands: []plan.Command{
					{Phase: plan.PreBuild, Script: "echo before >/outside; cat main.txt"},
					{Phase: plan.Build, Script: "echo $MODE $FROM_BASE >built\ncp main.txt out\necho once >>/cache/count; wc -l </cache/count", Caches: cache},
				},
			},
			{
				Name: "run", From: base, Dir: "/app", Ship: true,
				Copies:   []plan.Copy{{Stage: "build", From: "/app", To: "/app"}},
				Commands: []plan.Command{{Phase: plan.PreRun, Script: "cat built; echo mode is $MODE; touch /prepared"}},
			},
			{
				Name: "check", Stage: "build", Dir: "/app",
				Commands: []plan.Command{{Phase: plan.PostBuild, Script: "test -e /outside && test ! -e /prepared && echo checked"}},
			},
		},
		Image: plan.Image{Dir: "/app", Command: []string{"/bin/sh", "-c", "exec serve"}, Port: 9000, Env: []plan.Variable{{Name: "RUNTIME", Value: "x"}}},
	}
}

func TestPlanBecomesAnImage(t *testing.T) {
	t.Parallel()
	w := common(t)
	source := repository(t, map[string]string{"main.txt": "hello", ".git/config": "secret", "sub/.git": "gitdir: elsewhere"})
	l := &log{}
	job := w.job(l, source, twoStages(w.base))
	first := w.build(job)
	if first.Size == 0 || !slices.Equal(first.Ports, []int{9000}) || !slices.Equal(first.Command, []string{"/bin/sh", "-c", "exec serve"}) || first.Entrypoint != nil {
		t.Errorf("result %+v", first)
	}
	image, err := w.image(t.Context(), job.Push.Repository+"@"+first.Digest)
	if err != nil {
		t.Fatal(err)
	}
	all := files(t, image)
	for file, want := range map[string]string{"app/main.txt": "hello", "app/built": "build time yes\n", "app/out": "hello", "prepared": ""} {
		if got, ok := all[file]; !ok || got != want {
			t.Errorf("%s is %q (%t), want %q", file, got, ok, want)
		}
	}
	for file := range all {
		if strings.Contains(file, ".git") || file == "outside" || strings.HasPrefix(file, "run/") || strings.HasPrefix(file, "cache/") {
			t.Errorf("the image has %s", file)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"PATH=/bin", "FROM_BASE=yes", "RUNTIME=x"}, config.Config.Env); diff != "" {
		t.Errorf("environment of the image:\n%s", diff)
	}
	want := []string{
		"[PreBuild] $ echo before >/outside; cat main.txt", "[PreBuild] hello",
		"[Build] $ echo $MODE $FROM_BASE >built …", "[Build] 1",
		"[PreRun] $ cat built; echo mode is $MODE; touch /prepared", "[PreRun] build time yes", "[PreRun] mode is",
		"[PostBuild] $ test -e /outside && test ! -e /prepared && echo checked", "[PostBuild] checked",
	}
	if diff := cmp.Diff(want, trimmed(l.lines)); diff != "" {
		t.Errorf("log:\n%s", diff)
	}
	// Nothing changed: nothing runs, and the image is the same.
	l.lines = nil
	if again := w.build(job); again.Digest != first.Digest {
		t.Errorf("the same source became %s, and then %s", first.Digest, again.Digest)
	}
	if out := l.String(); strings.Contains(out, "$ ") || strings.Count(out, "(unchanged since an earlier build)") != 4 {
		t.Errorf("log of the second build:\n%s", out)
	}
}

func trimmed(lines []string) (out []string) {
	for _, l := range lines {
		out = append(out, strings.TrimSpace(l))
	}
	return out
}

func TestCachesAreKeptPerService(t *testing.T) {
	t.Parallel()
	w := common(t)
	count := func(scope, source string) string {
		l := &log{}
		job := w.job(l, repository(t, map[string]string{"main.txt": source}), twoStages(w.base))
		job.Scope = scope
		w.build(job)
		i := slices.IndexFunc(l.lines, func(s string) bool { return strings.HasPrefix(s, "[Build] $") })
		if i < 0 || i+1 >= len(l.lines) {
			t.Fatalf("the build step did not run:\n%s", l)
		}
		return strings.TrimPrefix(l.lines[i+1], "[Build] ")
	}
	one, two := apprunner.NewID(), apprunner.NewID()
	if got := count(one, "first"); got != "1" {
		t.Errorf("first build: %s", got)
	}
	if got := count(one, "second"); got != "2" {
		t.Errorf("second build of the service: %s, want what the first left", got)
	}
	// The same source: not even the result of a command is taken over.
	if got := count(two, "second"); got != "1" {
		t.Errorf("first build of another service: %s", got)
	}
}
