package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, m measured) {
		data, err := json.Marshal(m)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+".json"), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	picture := filepath.Join(dir, "bench.svg")
	if err := run(dir, picture); err == nil || !strings.Contains(err.Error(), "what router measured") {
		t.Errorf("without measurements: %v", err)
	}
	write("router", measured{Contenders: map[string]contender{"slipway": {Rate: 300}, "nginx": {Rate: 400, Version: "1.22"}}})
	write("deploy", measured{Numbers: map[string]float64{"failed": 0, "requests": 12345, "rollback-ms": 98.76}})
	if err := run(dir, picture); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(picture)
	if err != nil || strings.Count(string(data), "<rect") != 3 {
		t.Errorf("the picture is %s, %v", data, err)
	}
	for decoder := xml.NewDecoder(strings.NewReader(string(data))); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	numbers := map[string]float64{"a": 0, "b-ms": 98.76, "c/d": 0.4567, "e": 12345}
	if got := fill("{a} of {e}, {b-ms} ms, {c/d} times", numbers); got != "0 of 12345, 98.8 ms, 0.46 times" {
		t.Errorf("got %q", got)
	}
}

func TestMachine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		load any
		want string
	}{
		"the kernel's file has more than people want": {"4.71 2.40 1.13 2/292 12040", "load at the end of the first table 4.71 over one minute, 2.40 over five and 1.13 over fifteen."},
		"a file without it":                           {nil, "the load at the end of the first table is not known."},
		"a kernel that told nothing":                  {"", "the load at the end of the first table is not known."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := machine(map[string]any{"processors": 2.0, "processor": "AMD EPYC", "kernel": "6.18", "go": "go1.26", "load_at_end": c.load})
			if want := "2 processors (AMD EPYC), kernel 6.18, go1.26; " + c.want; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
