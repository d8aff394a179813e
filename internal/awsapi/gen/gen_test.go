package main

import (
	"os"
	"path/filepath"
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
 "metadata": {"apiVersion":"2026-01-01","jsonVersion":"1.1","protocol":"json","serviceFullName":"Other","endpointPrefix":"other","targetPrefix":"Other_20260101"},
 "operations": {
  "Put": {"name":"Put","input":{"shape":"PutRequest"}}
 },
 "shapes": {
  "PutRequest": {"type":"structure","required":["names"],"members":{
    "names":{"shape":"Names"},"data":{"shape":"Data"},"size":{"shape":"Size"},"labels":{"shape":"Labels"},"next":{"shape":"Node"}}},
  "Names": {"type":"list","min":1,"max":3,"member":{"shape":"Name"}},
  "Name": {"type":"string","pattern":"^[a-z]+$"},
  "Data": {"type":"blob","max":10,"sensitive":true},
  "Size": {"type":"long","max":5},
  "Labels": {"type":"map","key":{"shape":"Name"},"value":{"shape":"Free"}},
  "Free": {"type":"list","member":{"shape":"Text"}},
  "Text": {"type":"string"},
  "Node": {"type":"structure","members":{"next":{"shape":"Node"},"name":{"shape":"Name"}}},
  "NoRoom": {"type":"structure","exception":true,"members":{}}
 }
}`

func TestGenerateAnotherService(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "model"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "model", "other.json"), []byte(otherModel), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := generate(dir, service{model: "other.json", dir: "other", pkg: "otherapi", invalid: "ValidationException"})
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range files {
		t.Logf("%s\n%s", name, src)
	}
}
