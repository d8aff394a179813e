package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is something in a file that its author should know of.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // from 1
	Column int    `json:"column"`
	Error  bool   `json:"error"`  // otherwise a warning: the build goes on
	What   string `json:"what"`   // a sentence
	Remedy string `json:"remedy"` // sentences; lines of YAML in it are indented
}

// String is how compilers name places, so that editors find them.
func (p Problem) String() string {
	severity := "warning"
	if p.Error {
		severity = "error"
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s %s", p.File, p.Line, p.Column, severity, p.What, p.Remedy)
}

// Problems are those of a file, in its order.
type Problems []Problem

// Failed reports whether one of them is an error.
func (ps Problems) Failed() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Error })
}

func (ps Problems) String() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
