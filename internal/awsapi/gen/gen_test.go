package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The committed packages are what the generator writes: neither is edited alone.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	for _, s := range services {
		want, err := generate("..", s)
		if err != nil {
			t.Fatal(err)
		}
		have, err := filepath.Glob(filepath.Join("..", s.dir, "*.gen.go"))
		if err != nil || len(have) != len(want) {
			t.Errorf("%s has %d generated files, the generator writes %d (%v)", s.dir, len(have), len(want), err)
		}
		for name, src := range want {
			committed, err := os.ReadFile(filepath.Join("..", s.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(committed), string(src)); diff != "" {
				t.Errorf("%s/%s is not what the generator writes; run go generate ./internal/awsapi/...\n%s", s.dir, name, diff)
			}
		}
	}
}

// A small service with what App Runner does not use: JSON 1.1, an operation without output, lists
// and blobs with bounds, longs, a map of lists.
const otherModel = `{
 "metadata": {"apiVersion":"2026-01-01","jsonVersion":"1.1","protocols":["json"],"serviceFullName":"Other","endpointPrefix":"other","targetPrefix":"Other_20260101"},
 "operations": {
  "Put": {"name":"Put","input":{"shape":"PutRequest"}}
 },
 "shapes": {
  "PutRequest": {"type":"structure","required":["names"],"members":{
    "names":{"shape":"Names"},"data":{"shape":"Data"},"size":{"shape":"Size"},"labels":{"shape":"Labels"},"next":{"shape":"Node"}}},
  "Names": {"type":"list","min":1,"max":3,"member":{"shape":"Name"}},
  "Name": {"type":"string","pattern":"^(?!x)[a-z]+$"},
  "Data": {"type":"blob","max":10,"sensitive":true},
  "Size": {"type":"long","max":5},
  "Labels": {"type":"map","key":{"shape":"Kind"},"value":{"shape":"Names2"}},
  "Names2": {"type":"list","member":{"shape":"Name"}},
  "Kind": {"type":"string","enum":["ECR","ecr-public"]},
  "Node": {"type":"structure","members":{"next":{"shape":"Node"},"name":{"shape":"Name"}}},
  "NoRoom": {"type":"structure","exception":true,"members":{}}
 }
}`

func generateOther(t *testing.T, model string, rules map[string]rule) (map[string][]byte, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "model"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "model", "other.json"), []byte(model), 0o600); err != nil {
		t.Fatal(err)
	}
	return generate(dir, service{model: "other.json", dir: "other", pkg: "otherapi", invalid: "ValidationException", rules: rules})
}

func TestGenerateAnotherService(t *testing.T) {
	files, err := generateOther(t, otherModel, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ file, line string }{
		{"doc.gen.go", "// API version 2026-01-01, as they travel: JSON 1.1, target prefix Other_20260101."},
		{"types.gen.go", "Data   []byte            `json:\"data,omitzero\" sensitive:\"true\"`"},
		{"types.gen.go", "Labels map[Kind][]string `json:\"labels,omitzero\"`"},
		{"types.gen.go", "Size   *int64            `json:\"size,omitzero\"`"},
		{"types.gen.go", "type PutOutput struct{}"},
		{"enums.gen.go", `KindEcrPublic Kind = "ecr-public"`},
		{"rules.gen.go", "ruleData = awsapi.BlobRule{Max: 10, Sensitive: true}"},
		{"rules.gen.go", "ruleName = awsapi.StringRule{Pattern: awsapi.MustPattern(`^(?!x)[a-z]+$`, \"x\", `[a-z]+$`)}"},
		{"rules.gen.go", "ruleSize = awsapi.RangeRule[int64]{Min: math.MinInt64, Max: 5}"},
		{"checks.gen.go", `c.Required("names", v.Names != nil)`},
		{"checks.gen.go", `awsapi.Member(c, "names", &v.Names, awsapi.ListOf[string](awsapi.Size{Min: 1, Max: 3}, ruleName.Check))`},
		{"checks.gen.go", `awsapi.Member(c, "labels", &v.Labels, awsapi.MapOf[Kind, []string](awsapi.Size{}, ruleKind.Check, awsapi.ListOf[string](awsapi.Size{}, ruleName.Check)))`},
		{"checks.gen.go", `awsapi.Member(c, "next", v.Next, (*Node).check)`},
		{"redact.gen.go", "func (v PutInput) LogValue() slog.Value"},
		{"service.gen.go", "Put(context.Context, *PutInput) (*PutOutput, error)"},
		{"service.gen.go", `SigningName:  "other",`},
		{"service.gen.go", `"NoRoom": 400,`},
	} {
		if !strings.Contains(string(files[want.file]), want.line) {
			t.Errorf("%s does not have %s:\n%s", want.file, want.line, files[want.file])
		}
	}
}

func TestGenerateRefuses(t *testing.T) {
	tests := []struct{ old, new, says string }{
		{`"protocols":["json"]`, `"protocols":["query"]`, `speaks ["query"]`},
		{`"input":{"shape":"PutRequest"}`, `"input":{"shape":"Nothing"}`, `no shape "Nothing"`},
		{`^(?!x)[a-z]+$`, `a(?=b)`, `the pattern of shape "Name" needs a rule`},
		{`"Name": {`, `"Nom": {`, `shape "Name"`},
	}
	for _, tt := range tests {
		t.Run(tt.says, func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil && !strings.Contains(fmt.Sprint(p), tt.says) {
					panic(p)
				}
			}()
			files, err := generateOther(t, strings.Replace(otherModel, tt.old, tt.new, 1), nil)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%d files, %v; want an error with %q", len(files), err, tt.says)
			}
		})
	}
	if _, err := generateOther(t, otherModel, map[string]rule{"Missing": {}}); err == nil || !strings.Contains(err.Error(), `"Missing"`) {
		t.Errorf("a rule for no shape: %v", err)
	}
}
