// Package logfile keeps the output of one instance in a directory: lines with a time and a stream,
// in numbered files that are bounded in size and number. One process writes, any number read.
//
// It uses only the standard library, because the program that writes runs once per instance and
// has to be small.
package logfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxText is the longest text of a line, in bytes. Longer lines are cut in pieces.
const MaxText = 16 << 10

// Stream is where a line was written to.
type Stream byte

// The streams of a process.
const (
	Stdout Stream = 'o'
	Stderr Stream = 'e'
)

// Line is one line of output.
type Line struct {
	Time   time.Time // to the millisecond
	Stream Stream
	Text   string // without its line end
}

// append renders a line: milliseconds since 1970, stream, text.
func (l Line) append(b []byte) []byte {
	b = strconv.AppendInt(b, l.Time.UnixMilli(), 10)
	b = append(b, ' ', byte(l.Stream), ' ')
	b = append(b, l.Text...)
	return append(b, '\n')
}

// parse reads a line without its line end.
func parse(b []byte) (Line, bool) {
	ms, rest, ok := bytes.Cut(b, []byte{' '})
	if !ok || len(rest) < 2 || rest[1] != ' ' || (rest[0] != byte(Stdout) && rest[0] != byte(Stderr)) {
		return Line{}, false
	}
	n, err := strconv.ParseInt(string(ms), 10, 64)
	if err != nil || n < 0 {
		return Line{}, false
	}
	return Line{Time: time.UnixMilli(n).UTC(), Stream: Stream(rest[0]), Text: string(rest[2:])}, true
}

const suffix = ".log"

func fileName(dir string, n int) string {
	return filepath.Join(dir, fmt.Sprintf("%08d%s", n, suffix))
}

// numbers lists the numbers of the files in dir, oldest first.
func numbers(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []int
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if n, err := strconv.Atoi(name); ok && err == nil && n > 0 {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, nil
}
