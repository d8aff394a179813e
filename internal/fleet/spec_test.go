package fleet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

func TestSplitCommand(t *testing.T) {
	t.Parallel()
	shell := func(command string) []string { return []string{"/bin/sh", "-c", command} }
	for _, c := range []struct {
		command string
		want    []string
	}{
		{"", nil},
		{"   ", nil},
		{"serve", []string{"serve"}},
		{"python app.py", []string{"python", "app.py"}},
		{"  npm \t run  start ", []string{"npm", "run", "start"}},
		{`node -e "console.log(1)"`, shell(`node -e "console.log(1)"`)},
		{`serve --name 'two words'`, []string{"serve", "--name", "two words"}},
		{`serve --name "it's"`, []string{"serve", "--name", "it's"}},
		{`serve --empty ""`, []string{"serve", "--empty", ""}},
		{`serve pre"mid dle"post`, []string{"serve", "premid dlepost"}},
		{`echo 'open`, shell(`echo 'open`)},
		{"migrate && serve", shell("migrate && serve")},
		{"serve --port $PORT", shell("serve --port $PORT")},
		{"serve > log", shell("serve > log")},
		{"serve *.txt", shell("serve *.txt")},
		{`serve a\ b`, shell(`serve a\ b`)},
		{"serve --ünïcode=é", []string{"serve", "--ünïcode=é"}},
	} {
		if diff := cmp.Diff(c.want, splitCommand(c.command)); diff != "" {
			t.Errorf("splitCommand(%q) (-want +got):\n%s", c.command, diff)
		}
	}
}

// FuzzSplitCommand: no word is lost, and what is left to a shell is left whole.
func FuzzSplitCommand(f *testing.F) {
	f.Add(`serve --name "two words" 'x'`)
	f.Add(`a "b`)
	f.Fuzz(func(t *testing.T, command string) {
		args := splitCommand(command)
		if len(args) == 3 && args[0] == "/bin/sh" && args[1] == "-c" && args[2] == command {
			return
		}
		bare := func(s string) string {
			return strings.NewReplacer(" ", "", "\t", "", `"`, "", "'", "").Replace(strings.ToValidUTF8(s, "\uFFFD"))
		}
		if got, want := bare(strings.Join(args, "")), bare(command); got != want && !strings.ContainsRune(want, '\uFFFD') {
			t.Errorf("splitCommand(%q) = %q", command, args)
		}
	})
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		image  apprunner.Image
		want   []string
	}{
		{"PORT is always there", apprunner.Image{Port: 8080}, []string{"PORT=8080"}},
		{"the injected PORT wins", apprunner.Image{Port: 3000, Variables: map[string]string{"PORT": "80"}}, []string{"PORT=3000"}},
		{"sorted by name, values as they are", apprunner.Image{Port: 1, Variables: map[string]string{"Z": "a=b", "A": ""}}, []string{"A=", "PORT=1", "Z=a=b"}},
	} {
		if diff := cmp.Diff(c.want, environment(c.image)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
		if c.image.Variables["PORT"] == "3000" {
			t.Error("the variables of the service were changed")
		}
	}
}

func TestInstanceSpec(t *testing.T) {
	t.Parallel()
	s, r := service(1, 1)
	r.Spec.Instance = apprunner.InstanceConfiguration{CPU: 256, Memory: 512}
	r.Spec.Image.Start = "serve --fast"
	want := engine.Spec{
		ID: "0123", Labels: map[string]string{"slipway.service": s.ID, "slipway.revision": r.ID},
		Image: r.Image, Command: []string{"serve", "--fast"}, Env: []string{"PORT=8080"},
		CPU: 256, Boost: true, Memory: 512 << 20, Disk: 3 << 30,
	}
	if diff := cmp.Diff(want, instanceSpec("0123", s, r)); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	r.Spec.Observability = apprunner.Observability{Enabled: true, ARN: "arn"} // without traces
	if got := instanceSpec("0123", s, r); got.Forward != nil {
		t.Errorf("without traces, ports %v are forwarded", got.Forward)
	}
	r.Spec.Observability.Vendor = apprunner.TraceAWSXRay
	want.Forward = []int{4317}
	if diff := cmp.Diff(want, instanceSpec("0123", s, r)); diff != "" {
		t.Errorf("spec with traces (-want +got):\n%s", diff)
	}
}
