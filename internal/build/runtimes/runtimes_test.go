package runtimes

import (
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	t.Parallel()
	aws, names, apis := 0, map[string]bool{}, map[string]bool{}
	for _, r := range All() {
		if r.AWS {
			aws++
		}
		if names[r.Name] || apis[r.API] {
			t.Errorf("%s or %s is there twice", r.Name, r.API)
		}
		names[r.Name], apis[r.API] = true, true
		if got := strings.ToLower(strings.ReplaceAll(r.API, "_", "")); got != r.Name {
			t.Errorf("%s is %s in the API", r.Name, r.API)
		}
		if found, ok := Find(r.Name); !ok || found.API != r.API {
			t.Errorf("Find(%q) = %v, %v", r.Name, found, ok)
		}
		if found, ok := ByAPI(r.API); !ok || found.Name != r.Name {
			t.Errorf("ByAPI(%q) = %v, %v", r.API, found, ok)
		}
		if next, ok := Find(r.Successor); r.Successor != "" && (!ok || next.Language != r.Language) {
			t.Errorf("the successor of %s is %q", r.Name, r.Successor)
		}
		if (r.Successor == "") != r.EndOfSupport.IsZero() {
			t.Errorf("%s ends at %v and has the successor %q", r.Name, r.EndOfSupport, r.Successor)
		}
	}
	if aws != 13 {
		t.Errorf("App Runner has %d runtimes, want 13", aws)
	}
	for _, name := range []string{"Python311", "python311 ", "PYTHON_311", ""} {
		if r, ok := Find(name); ok {
			t.Errorf("Find(%q) = %s: names are exact", name, r.Name)
		}
	}
}

// The pipelines of App Runner's own runtimes are part of the contract.
func TestPipelines(t *testing.T) {
	t.Parallel()
	for _, r := range All() {
		want := Original
		if strings.HasPrefix(r.Name, "python31") || strings.HasPrefix(r.Name, "nodejs") && r.Name >= "nodejs18" {
			want = Revised
		}
		if r.Pipeline != want {
			t.Errorf("%s builds %s, want %s", r.Name, r.Pipeline, want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, want, reason string }{
		{"python3.11", "python311", "the usual way to write a version"},
		{"Python 3.11", "python311", "in capitals, with a space"},
		{"PYTHON_311", "python311", "the name of the API"},
		{"python:3.12", "python312", "like an image"},
		{"python3.9", "python3", "3.8 is nearer than 3.11"},
		{"python3.10", "python311", "3.11 is nearer than 3.8"},
		{"python39", "python3", "run together"},
		{"python310", "python311", "run together, with two digits"},
		{"python3", "python3", "is one"},
		{"python315", "python314", "too new"},
		{"python", "python311", "what App Runner supports"},
		{"node", "nodejs22", "what App Runner supports"},
		{"Nodejs12", "nodejs12", "a capital"},
		{"node18", "nodejs18", "the short word"},
		{"NODEJS_22", "nodejs22", "the name of the API"},
		{"node.js 20", "nodejs20", "the proper name"},
		{"nodejs19", "nodejs20", "of two that are as near, the newer"},
		{"nodejs-20.x", "nodejs20", "as in Lambda"},
		{"nodejs26", "nodejs24", "too new"},
		{"java17", "corretto17", "another word for it"},
		{"java", "corretto11", "what App Runner supports"},
		{"openjdk-21", "corretto21", "another word for it"},
		{"golang", "go1", "another word for it"},
		{"go1.22", "go1", "a version of it"},
		{"go", "go1", "without a version"},
		{"dotnet", "dotnet8", "the one that has not ended"},
		{".net 6", "dotnet6", "the proper name"},
		{"php", "php84", "the one that has not ended"},
		{"php82", "php81", "8.1 is nearer than 8.4"},
		{"php8.3", "php84", "8.4 is nearer than 8.1"},
		{"ruby3.3", "ruby34", "nearer than 3.1"},
		{"docker", "", "no language"},
		{"DOCKERFILE", "", "no language"},
		{"image", "", "no language"},
		{"rust", "", "a language that App Runner never had"},
		{"", "", "nothing"},
		{"311", "", "no language"},
	} {
		if got := Nearest(c.name); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q: %s", c.name, got, c.want, c.reason)
		}
	}
	for _, r := range All() {
		if Nearest(r.Name) != r.Name || Nearest(r.API) != r.Name {
			t.Errorf("Nearest(%q) = %q and Nearest(%q) = %q", r.Name, Nearest(r.Name), r.API, Nearest(r.API))
		}
	}
}

func TestEndOfSupport(t *testing.T) {
	t.Parallel()
	before := time.Date(2025, 11, 30, 23, 59, 59, 0, time.UTC)
	after := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	strict := Policy{}
	for _, c := range []struct {
		name   string
		policy Policy
		now    time.Time
		reason string
		wrong  string // part of the refusal
	}{
		{"nodejs16", strict, before, "not ended yet", ""},
		{"nodejs16", strict, endOf2025, "ends with the day", "NODEJS_16 has reached its end of support on 1 December 2025"},
		{"nodejs16", strict, after, "names the successor", "NODEJS_22 (nodejs22)"},
		{"nodejs16", strict, after, "names the setting", "build.allow-ended-runtimes to true"},
		{"php81", strict, endOf2025, "PHP went on for a month", ""},
		{"php81", strict, after, "and ended", "31 December 2025"},
		{"go1", strict, after, "has today's Go", ""},
		{"python311", strict, after, "never ended", ""},
	} {
		r, _ := Find(c.name)
		err := c.policy.Admit(r, c.now)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s at %v: %v, want %q: %s", c.name, c.now, err, c.wrong, c.reason)
		}
		if warned := r.Warning(c.now) != ""; warned != r.Ended(c.now) {
			t.Errorf("%s at %v: warned %v: %s", c.name, c.now, warned, c.reason)
		}
	}
}
