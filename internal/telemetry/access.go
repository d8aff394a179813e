package telemetry

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// accessFile is where requests are, below the service's directory.
var accessFile = filepath.Join("access", AccessStream)

// accessBegin is how each line of requests begins: its time follows.
const accessBegin = `{"time":"`

// Access adds lines of JSON, each with its line end, to the requests of a service.
func (l *Log) Access(s Service, lines []byte) error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	r := l.record(s)
	r.mu.Lock()
	st, isNew, err := l.streamLocked(r, AccessStream)
	r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	err = st.appendLines(lines)
	if isNew {
		r.notify()
	}
	return err
}

// storedAccess finds the stream of the access group on disk.
func (l *Log) storedAccess(r *record) ([]StreamInfo, error) {
	return l.storedIn(map[string]string{filepath.Join(r.dir, "access"): ""})
}

// parseAccess finds the time in a line of requests, whose text is all of it.
func parseAccess(line string) (time.Time, string, error) {
	rest, ok := strings.CutPrefix(line, accessBegin)
	if !ok || len(rest) <= len(timeLayout) || rest[len(timeLayout)] != '"' {
		return time.Time{}, "", fmt.Errorf("line %.60q of an access log does not begin with a time", line)
	}
	at, err := time.Parse(timeLayout, rest[:len(timeLayout)])
	return at, line, err
}
