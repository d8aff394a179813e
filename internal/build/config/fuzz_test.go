package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever a file holds: no panic, every problem has a place in the file, and what is accepted can be
// built.
func FuzzParse(f *testing.F) {
	for _, folder := range []string{"valid", "invalid"} {
		files, _ := filepath.Glob("testdata/" + folder + "/*.yaml")
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		config, problems := Parse(File, data)
		lines := len(splitLines(data))
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.What == "" || p.Remedy == "" {
				t.Errorf("a problem without a place or a remedy: %q", p)
			}
		}
		if !problems.Failed() && (config.Runtime.Value == "" || config.Start.Value == "" || config.Port < 1 || strings.Contains(config.Start.Value, "\x00")) {
			t.Errorf("accepted, and cannot be built: %+v", config)
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	const valid = "version: 1.0\nruntime: go1\nbuild:\n  commands:\n    build: [go build]\nrun:\n  command: ./app\n"
	for name, c := range map[string]struct {
		data, want string
	}{
		"too large":           {valid + strings.Repeat("# long\n", MaxSize/7), "apprunner.yaml:1:1: error: The file has 262"},
		"many keys":           {valid + strings.Repeat("x: 1\n", 5000), `The key "x" is there already`},
		"deep brackets":       {strings.Repeat("[", MaxSize), "nested deeper"},
		"deep mappings":       {strings.Repeat("{a: ", 60000), "nested deeper"},
		"aliases of aliases":  {valid + "a: &a [1,2,3,4,5,6,7,8,9]\n" + strings.Repeat("b: &a [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n", 1000), `The key "b" is there already`},
		"merges of merges":    {"x: &x {runtime: go1}\n" + strings.Repeat("y: &x {<<: [*x, *x, *x, *x, *x, *x, *x, *x]}\n", 200) + "<<: *x\n" + valid, `The key "y" is there already`},
		"a line of 200 kB":    {strings.Replace(valid, "./app", "./app "+strings.Repeat("x", 200<<10), 1), ""},
		"many empty commands": {strings.Replace(valid, "[go build]", "["+strings.Repeat("~,", 50000)+"]", 1), "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, problems := Parse(File, []byte(c.data))
			if !strings.Contains(problems.String(), c.want) || len(problems) > 2*maxProblems {
				t.Errorf("%d problems, want %q:\n%.300s", len(problems), c.want, problems)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}
