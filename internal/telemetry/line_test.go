package telemetry

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var noon = time.Date(2026, 4, 30, 12, 0, 0, 0, time.UTC)

func TestParseLineRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"nothing":               "",
		"a time alone":          "2026-04-30T12:00:00.000Z",
		"no time":               "hello, I am a line without time",
		"no such day":           "2026-02-30T12:00:00.000Z x",
		"seconds only":          "2026-04-30T12:00:00Z     x",
		"an escape that is cut": `2026-04-30T12:00:00.000Z x\`,
		"an escape of its own":  `2026-04-30T12:00:00.000Z \t`,
		"zeros of a power cut":  strings.Repeat("\x00", 80),
	} {
		if at, text, err := parseLine(line); err == nil {
			t.Errorf("%s: parsed as %s %q", name, at, text)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add(int64(0), "Deployment started.")
	f.Add(int64(1_777_000_000_123), "two\nlines\r\nand \\n and \x00 and \xff")
	f.Fuzz(func(t *testing.T, ms int64, text string) {
		now := time.UnixMilli(ms).UTC()
		if now.Year() < 0 || now.Year() > 9999 {
			t.Skip("no such time in a log")
		}
		line, ok := strings.CutSuffix(string(formatLine(now, text)), "\n")
		if !ok || strings.ContainsAny(line, "\n\r") {
			t.Fatalf("%q is not one line", line)
		}
		at, got, err := parseLine(line)
		if err != nil || !at.Equal(now) || got != text {
			t.Fatalf("got %s %q, %v; want %s %q", at, got, err, now, text)
		}
	})
}

func FuzzParseLine(f *testing.F) {
	f.Add("2026-04-30T12:00:00.000Z Service creation started.")
	f.Add(`2026-04-30T12:00:00.000Z a\nb\\`)
	f.Add("2026-04-30T12:00:00,000Z x")
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n\r") {
			t.Skip("not one line")
		}
		at, text, err := parseLine(line)
		if err != nil {
			return
		}
		if again := string(formatLine(at, text)); again != line+"\n" {
			t.Fatalf("%q was written as %q", line, again)
		}
	})
}

func TestPiecesCutBetweenCharacters(t *testing.T) {
	for name, text := range map[string]string{
		"empty":          "",
		"as long as may": strings.Repeat("x", maxText),
		"long":           strings.Repeat("x", 3*maxText+1),
		"characters":     "x" + strings.Repeat("€", maxText),
		"no characters":  strings.Repeat("\x80", 2*maxText),
	} {
		all := pieces(text)
		if strings.Join(all, "") != text {
			t.Errorf("%s: the pieces do not make up the text", name)
		}
		for _, p := range all {
			if len(p) > maxText || utf8.ValidString(text) && !utf8.ValidString(p) {
				t.Errorf("%s: piece of %d bytes, valid %v", name, len(p), utf8.ValidString(p))
			}
		}
	}
}
