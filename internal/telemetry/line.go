package telemetry

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Line is one entry of a log stream.
type Line struct {
	Time   time.Time // to the millisecond
	Stream string    // "events", "deployment/<operation-id>" or "instance/<instance-id>"
	Text   string    // without line end; instances: at most 16 KiB
}

// maxText is the longest text of a line in bytes, the same as of an instance's output.
const maxText = 16 << 10

const timeLayout = "2006-01-02T15:04:05.000Z"

var escapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)

// formatLine is a line as the file has it: time, space, text with its line ends escaped.
func formatLine(now time.Time, text string) []byte {
	return []byte(now.UTC().Format(timeLayout) + " " + escapes.Replace(text) + "\n")
}

// parseLine undoes formatLine for a line without its line end.
func parseLine(line string) (time.Time, string, error) {
	if len(line) <= len(timeLayout) || line[len(timeLayout)] != ' ' {
		return time.Time{}, "", fmt.Errorf("log line %.60q does not begin with a time", line)
	}
	at, err := time.Parse(timeLayout, line[:len(timeLayout)])
	if err != nil || at.Format(timeLayout) != line[:len(timeLayout)] { // Parse allows a comma too
		return time.Time{}, "", fmt.Errorf("log line %.60q does not begin with a time", line)
	}
	text, err := unescape(line[len(timeLayout)+1:])
	if err != nil {
		return time.Time{}, "", fmt.Errorf("log line %.60q: %w", line, err)
	}
	return at, text, nil
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch {
		case i == len(s):
			return "", fmt.Errorf(`it ends with a single \`)
		case s[i] == '\\':
			b.WriteByte('\\')
		case s[i] == 'n':
			b.WriteByte('\n')
		case s[i] == 'r':
			b.WriteByte('\r')
		default:
			return "", fmt.Errorf(`\%c is no escape`, s[i])
		}
	}
	return b.String(), nil
}

// pieces cuts a text that is too long for one line, not within a character.
func pieces(text string) []string {
	var all []string
	for len(text) > maxText {
		end := maxText
		for end > maxText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		all = append(all, text[:end])
		text = text[end:]
	}
	return append(all, text)
}
