package config

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the expected outcomes anew")

// Every file of the corpus has what is said of it, and what is read from it, beside it.
func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"valid", "invalid"} {
		files, err := filepath.Glob("testdata/" + folder + "/*.yaml")
		if err != nil || len(files) < 30 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".yaml"), func(t *testing.T) {
				t.Parallel()
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				config, problems := Parse(File, data)
				if problems.Failed() != (folder == "invalid") {
					t.Errorf("refused: %v\n%s", problems.Failed(), problems)
				}
				golden(t, strings.TrimSuffix(file, ".yaml")+".golden", outcome(t, config, problems))
			})
		}
	}
}

// outcome is what the golden files hold.
func outcome(t *testing.T, config Config, problems Problems) string {
	t.Helper()
	var out strings.Builder
	if len(problems) > 0 {
		out.WriteString(problems.String() + "\n")
	}
	if !problems.Failed() {
		text, err := json.MarshalIndent(config, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(text, '\n'))
	}
	return out.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); -update writes it anew:\n%s", file, diff)
	}
}
