// Command gen writes the Go types, validators and dispatchers of the AWS APIs that Slipway speaks,
// from the service models in internal/awsapi/model. Run it with
//
//	go generate ./internal/awsapi/...
//
// Its output is committed; a test holds the two together.
package main

import (
	"flag"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "the awsapi directory: models are read from, packages written below it")
	flag.Parse()
	for _, s := range services {
		if err := write(*dir, s); err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}

func write(dir string, s service) error {
	files, err := generate(dir, s)
	if err != nil {
		return err
	}
	for _, name := range sorted(files) {
		path := filepath.Join(dir, s.dir, name)
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return fmt.Errorf("write the generated file: %w", err)
		}
	}
	return nil
}

// generate returns the files of one generated package by name.
func generate(dir string, s service) (map[string][]byte, error) {
	data, err := os.ReadFile(filepath.Join(dir, "model", s.model))
	if err != nil {
		return nil, fmt.Errorf("read the service model: %w", err)
	}
	m, err := readModel(data)
	if err != nil {
		return nil, err
	}
	if err := applyRules(m, s.rules); err != nil {
		return nil, fmt.Errorf("service %q: %w", s.model, err)
	}
	files := map[string][]byte{}
	for name, print := range map[string]func(*printer){
		"doc.gen.go":     (*printer).doc,
		"types.gen.go":   (*printer).types,
		"enums.gen.go":   (*printer).enums,
		"rules.gen.go":   (*printer).rules,
		"checks.gen.go":  (*printer).checks,
		"redact.gen.go":  (*printer).redact,
		"service.gen.go": (*printer).service,
	} {
		p := &printer{model: m, config: s}
		print(p)
		if p.body.Len() == 0 {
			continue
		}
		src, err := format.Source(p.file())
		if err != nil {
			return nil, fmt.Errorf("format %s: %w", name, err)
		}
		files[name] = src
	}
	return files, nil
}
