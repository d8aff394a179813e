package runtimes

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every runtime can be built from public images, and one that does not build again in its run image
// has a slim one.
func TestPublicCatalogue(t *testing.T) {
	t.Parallel()
	c, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range All() {
		images := c.Of(r.Name)
		if len(images) == 0 {
			t.Errorf("%s has no images", r.Name)
		}
		for _, i := range images {
			if (i.Run == i.Build) != (r.Pipeline == Original) {
				t.Errorf("%s %s builds %s, and runs in %s", r.Name, i.Version, r.Pipeline, i.Run)
			}
		}
	}
}

func TestPick(t *testing.T) {
	t.Parallel()
	const site = `
runtimes:
  python311:
    - {version: 3.11.2, build: "here/python311:build", run: "here/python311:run"}
  python312:
    - {version: 3.10, build: "here/odd:1"}
    - {version: 3.9, build: "here/odd:2"}
  corretto8:
    - {version: 8.472.08.1, build: "here/corretto8:1"}
`
	with, err := Load(SiteFile, []byte(site))
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Load(SiteFile, []byte("public-images: false\n"+site))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		catalogue           *Catalogue
		runtime, lock, want string
		reason              string
	}{
		{with, "python311", "", "3.11.2", "the site's goes before newer public ones"},
		{with, "python311", "3.11", "3.11.2", "and where the lock allows it"},
		{with, "python311", "3.11.14", "3.11.14", "a public one where the lock asks for it"},
		{with, "python311", "3", "3.11.2", "one number"},
		{with, "python311", "3.1", "", "3.1 is not 3.11"},
		{with, "python311", "3.9", "", "never existed"},
		{with, "python311", "3.11.x", "", "not numbers"},
		{with, "python311", "3.11.2.1", "", "more numbers than there are"},
		{with, "python311", "v3.11", "", "not numbers"},
		{with, "python312", "3.10", "3.10", "as text, 3.10 is not 3.1"},
		{with, "python312", "", "3.10", "10 is more than 9"},
		{with, "corretto8", "8.472.8.1", "8.472.08.1", "zeros in front count for nothing"},
		{with, "nodejs22", "", "22.23.3", "the newest public one"},
		{with, "nodejs22", "22.21", "22.21.1", "part of a version"},
		{with, "go1", "1.18", "1.18.10", "an ended version that is asked for"},
		{alone, "python311", "", "3.11.2", "the site's alone"},
		{alone, "python311", "3.11.14", "", "no public images"},
		{alone, "nodejs22", "", "", "nothing at all"},
	} {
		images, err := c.catalogue.Pick(c.runtime, c.lock)
		if images.Version != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s %q: %q, %v, want %q: %s", c.runtime, c.lock, images.Version, err, c.want, c.reason)
		}
		if _, ok := errors.AsType[*VersionError](err); err != nil && !ok {
			t.Errorf("%s %q: %T is not the fault of the file", c.runtime, c.lock, err)
		}
	}
	_, err = with.Pick("python311", "3.9")
	if want := `The specified runtime version is not supported. python311 has no version "3.9" here, but 3.11.17, 3.11.14 and 3.11.2.`; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %q, want %q", err, want)
	}
	_, err = alone.Pick("nodejs22", "")
	if want := `"slipway runtimes build nodejs22"`; !strings.Contains(err.Error(), want) {
		t.Errorf("got %q, want %q in it", err, want)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want, reason string }{
		{"", "", "nothing"},
		{"public-images: true\n", "", "only a setting"},
		{"runtimes:\n", "", "a key without anything"},
		{"runtimes:\n  python3.11: []\n", "runtimes.yaml, line 2: python3.11: there is no such runtime: did you mean python311?", "the usual mistake"},
		{"runtimes:\n  python311: a/b:c\n", "line 2: python311: its value must be a list", "no list"},
		{"runtimes:\n  python311:\n    - version: 3.11\n", "line 3: python311: build is missing", "no image"},
		{"runtimes:\n  python311:\n    - version: latest\n      build: a\n", `line 3: python311: version "latest" is not numbers`, "no version"},
		{"runtimes:\n  python311:\n    - version: 3.11\n      build: a/B\n", `build "a/B" is not the reference of an image`, "capitals"},
		{"runtimes:\n  python311:\n    - {version: 3.11, build: a, image: b}\n", `there is no setting "image"`, "an unknown key"},
		{"runtimes:\n  python311:\n    - {version: 3.11, build: a}\n    - {version: 3.11, build: b}\n", "line 4: python311: version 3.11 is there twice", "twice"},
		{"runtime:\n  python311: []\n", "line 1", "another key"},
		{"runtimes:\n  go1: []\n  go1: []\n", "line 3: go1: it is there twice", "a runtime twice"},
		{"runtimes: [a]\n", "line 1: runtimes must have the names of runtimes", "a list of runtimes"},
		{"runtimes: [\n", "runtimes.yaml: yaml: line", "not YAML"},
	} {
		_, err := Parse(SiteFile, []byte(c.text))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.reason, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("runtimes:\n  python311:\n    - version: 3.11\n      build: a/b:c\n"))
	f.Add(public)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Parse(SiteFile, data); err != nil {
			return
		}
		recorded, err := Record(data, "go1", Images{Version: "1.2.3", Build: "a/b:c", Run: "a/b:d"})
		if err != nil {
			return // says so, and changes nothing
		}
		c, err := Load(SiteFile, recorded)
		if err != nil {
			t.Fatalf("%q became %q: %v", data, recorded, err)
		}
		if i, err := c.Pick("go1", "1.2.3"); err != nil || i.Build != "a/b:c" {
			t.Fatalf("%q became %q: %+v, %v", data, recorded, i, err)
		}
	})
}

func TestRecord(t *testing.T) {
	t.Parallel()
	first, err := Record(nil, "python311", Images{Version: "3.11.2", Build: "r/p:1", Run: "r/p:2", Note: "of Debian"})
	if err != nil {
		t.Fatal(err)
	}
	mine := strings.Replace(string(first), "    python311:", "    nodejs22: # mine\n        - version: 22.1\n          build: mine/node:22\n    python311:", 1)
	second, err := Record([]byte(mine), "python311", Images{Version: "3.11.2", Build: "r/p:3", Run: "r/p:4"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(second), "# mine") {
		t.Errorf("what somebody wrote is gone:\n%s", second)
	}
	c, err := Load(SiteFile, second)
	if err != nil {
		t.Fatalf("%v\n%s", err, second)
	}
	want := Images{Version: "3.11.2", Build: "r/p:3", Run: "r/p:4", Site: true}
	if diff := cmp.Diff(want, c.Of("python311")[0]); diff != "" {
		t.Error(diff)
	}
	if got, err := c.Pick("nodejs22", "22.1"); err != nil || got.Build != "mine/node:22" {
		t.Errorf("%v, %v", got, err)
	}
}
