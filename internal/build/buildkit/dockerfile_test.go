package buildkit_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/build/buildkit"
)

func (w *world) dockerfile(l *log, source string, d buildkit.Dockerfile) buildkit.Job {
	job := w.job(l, source, nil)
	job.Dockerfile = &d
	return job
}

func TestDockerfileBecomesAnImage(t *testing.T) {
	t.Parallel()
	w := common(t)
	source := repository(t, map[string]string{
		"app/Dockerfile": `# syntax=example.invalid/unreachable:1
ARG BASE=` + w.base + `
FROM $BASE AS build
ARG FLAVOUR=plain
COPY . /src
RUN --mount=type=cache,target=/cache cat /src/main.txt >/result; echo $FLAVOUR >>/result; ls /src >/listing
FROM ` + w.base + `
COPY --from=build /result /listing /
ENV KEPT=yes
EXPOSE 3000 53/udp
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "serve"]
`,
		"app/main.txt": "hello\n", "app/secret.env": "no", "app/.dockerignore": "*.env\n", "app/.git/config": "no", "outside.txt": "no",
	})
	l := &log{}
	job := w.dockerfile(l, source, buildkit.Dockerfile{Path: "app/Dockerfile", Context: "app", Args: map[string]string{"FLAVOUR": "salt"}})
	r := w.build(job)
	if !slices.Equal(r.Entrypoint, []string{"/bin/sh"}) || !slices.Equal(r.Command, []string{"-c", "serve"}) || !slices.Equal(r.Ports, []int{3000}) {
		t.Errorf("result %+v", r)
	}
	if got := w.file(job, "/result"); got != "hello\nsalt\n" {
		t.Errorf("/result is %q", got)
	}
	if got := w.file(job, "/listing"); strings.Contains(got, "secret.env") || strings.Contains(got, ".git") || !strings.Contains(got, "main.txt") {
		t.Errorf("the context has %q", got)
	}
	if !strings.Contains(l.String(), "names the syntax") || !strings.Contains(l.String(), "[Build] $ RUN --mount=type=cache") {
		t.Errorf("log:\n%s", l)
	}
	image, err := w.image(t.Context(), job.Push.Repository+":v1")
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range config.Config.Env {
		if strings.Contains(v, "/run/slipway") || strings.Contains(v, "OTEL") {
			t.Errorf("the image has the build's variable %q", v)
		}
	}
	for file := range files(t, image) {
		if strings.HasPrefix(file, "run") {
			t.Errorf("the image has %s", file)
		}
	}
}

// What is wrong with a Dockerfile is said with its line and a remedy.
func TestDockerfileThatCannotWork(t *testing.T) {
	t.Parallel()
	w := common(t)
	elsewhere := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(elsewhere, []byte("key"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, reason string }{
		{"mistyped", "FROM " + w.base + "\nRUNN make\n", "Dockerfile, line 2: unknown instruction: RUNN (did you mean RUN?)"},
		{"no base", "FROM " + w.host + "/bases/missing:1\n", "/bases/missing:1\": the registry does not have it"},
		{"missing file", "FROM " + w.base + "\nCOPY nothing.txt /\n", "\"/nothing.txt\": not found"},
		{"link out of the context", "FROM " + w.base + "\nCOPY link /key\n", "not found"},
		{"directory through a link", "FROM " + w.base + "\nCOPY dir/secret /key\n", "not found"},
		{"host network", "FROM " + w.base + "\nRUN --network=host true\n", "RUN --network=host"},
		{"privileges", "FROM " + w.base + "\nRUN --security=insecure true\n", "RUN --security=insecure"},
		{"keys", "FROM " + w.base + "\nRUN --mount=type=ssh true\n", "RUN --mount=type=ssh"},
		{"secret", "FROM " + w.base + "\nRUN --mount=type=secret,id=db,required=true true\n", "db"},
		{"no host", "FROM " + w.base + "\nADD http://127.0.0.1:1/file /\n", "connection refused"},
		{"exit code", "FROM " + w.base + "\nRUN echo because; exit 4\n", "failed with exit code 4; its last line: because."},
	} {
		source := repository(t, map[string]string{"Dockerfile": c.text})
		if err := os.Symlink(elsewhere, filepath.Join(source, "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Dir(elsewhere), filepath.Join(source, "dir")); err != nil {
			t.Fatal(err)
		}
		failure := w.fail(t.Context(), w.dockerfile(&log{}, source, buildkit.Dockerfile{Path: "Dockerfile"}))
		t.Logf("%s: %s", c.name, failure.Reason)
		if !strings.Contains(failure.Reason, c.reason) {
			t.Errorf("%s: %q does not contain %q", c.name, failure.Reason, c.reason)
		}
	}
}

func TestDockerfileOutsideOfTheRepository(t *testing.T) {
	t.Parallel()
	w := common(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "Dockerfile"), []byte("FROM "+w.base+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	source := repository(t, map[string]string{"Dockerfile": "FROM " + w.base + "\n"})
	for _, link := range []string{"linked", "out"} {
		if err := os.Symlink(outside, filepath.Join(source, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []buildkit.Dockerfile{
		{Path: "linked/Dockerfile"}, {Path: "../../../../etc/passwd"}, {Path: "missing"}, {Path: "Dockerfile", Context: "out"},
	} {
		failure := w.fail(t.Context(), w.dockerfile(&log{}, source, d))
		t.Logf("%+v: %s", d, failure.Reason)
	}
}

// The base image is read when a command needs it, not when the Dockerfile is: a new machine has nothing.
func TestDockerfileIsTheFirstBuildOfAMachine(t *testing.T) {
	t.Parallel()
	w := own(t, limits(), nil)
	job := w.dockerfile(&log{}, repository(t, map[string]string{"Dockerfile": "FROM " + w.base + "\nRUN echo built >/result\n"}), buildkit.Dockerfile{Path: "Dockerfile"})
	w.build(job)
	if got := w.file(job, "/result"); got != "built\n" {
		t.Errorf("/result is %q", got)
	}
}
