// Package audit keeps a record of every call of Slipway's APIs: who, what, on which resource, and
// how it ended. It is one file of JSON lines that rotates. A line is with the kernel before the call
// is answered, so it survives a crash of the daemon.
package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Entry is one call. It never holds a secret or a body.
type Entry struct {
	Time      time.Time `json:"time"`
	RequestID string    `json:"requestId,omitempty"`
	// AccessKeyID is the key that signed. When ErrorCode says that it did not, it is what was claimed.
	AccessKeyID string   `json:"accessKeyId,omitempty"`
	User        string   `json:"user,omitempty"` // the ARN; only for a verified key
	Action      string   `json:"action"`         // apprunner:CreateService
	Resources   []string `json:"resources,omitempty"`
	Region      string   `json:"region,omitempty"`
	Source      string   `json:"source"` // IP address
	Status      int      `json:"status"` // of HTTP; 499 when the caller left before the answer
	ErrorCode   string   `json:"errorCode,omitempty"`
}

// maxText is how much of each text an entry keeps: what a caller sends must not fill the log.
const maxText = 1024

func (e Entry) clipped() Entry {
	for _, s := range []*string{&e.RequestID, &e.AccessKeyID, &e.User, &e.Action, &e.Region, &e.Source, &e.ErrorCode} {
		*s = clip(*s)
	}
	resources := make([]string, 0, min(len(e.Resources), maxResources))
	for _, r := range e.Resources[:min(len(e.Resources), maxResources)] {
		resources = append(resources, clip(r))
	}
	e.Resources = resources
	return e
}

const maxResources = 20

func clip(s string) string { return s[:min(len(s), maxText)] }

// The log has at most Files files of MaxSize bytes each.
const (
	MaxSize = 10 << 20
	Files   = 5
	name    = "audit.log"
)

// Log is the audit log of one daemon.
type Log struct {
	dir     string
	maxSize int64

	mu   sync.Mutex
	file *os.File
	size int64
}

// Open opens the log in dir, which only the owner can read.
func Open(dir string) (*Log, error) { return open(dir, MaxSize) }

func open(dir string, maxSize int64) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the audit log: %w", err)
	}
	l := &Log{dir: dir, maxSize: maxSize}
	if err := l.openFile(); err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	return l, nil
}

// Write adds an entry.
func (l *Log) Write(e Entry) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e.clipped()); err != nil {
		return fmt.Errorf("encode an audit entry: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.room(int64(line.Len())); err != nil {
		return fmt.Errorf("rotate the audit log: %w", err)
	}
	n, err := l.file.Write(line.Bytes())
	l.size += int64(n)
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// room rotates when a line would not fit. A file that could not be opened again is tried again.
func (l *Log) room(n int64) error {
	if l.file != nil && (l.size == 0 || l.size+n <= l.maxSize) {
		return nil
	}
	if l.file != nil {
		err := l.file.Close()
		l.file = nil
		if err = errors.Join(err, l.rotate()); err != nil {
			return err
		}
	}
	return l.openFile()
}

func (l *Log) path(number int) string {
	if number == 0 {
		return filepath.Join(l.dir, name)
	}
	return filepath.Join(l.dir, name+"."+strconv.Itoa(number))
}

// rotate moves every file one number up, as far as the first number that is free. A crash in between
// leaves such a gap, and the next rotation fills it instead of dropping another file.
func (l *Log) rotate() error {
	last := 1
	for last < Files-1 {
		if _, err := os.Lstat(l.path(last)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		last++
	}
	for n := last; n > 0; n-- {
		if err := os.Rename(l.path(n-1), l.path(n)); err != nil {
			return err
		}
	}
	return nil
}

// openFile opens the newest file and ends the line that a loss of power may have cut off.
func (l *Log) openFile() error {
	f, err := os.OpenFile(l.path(0), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil && size > 0 {
		last := make([]byte, 1)
		if _, err = f.ReadAt(last, size-1); err == nil && last[0] != '\n' {
			_, err = f.Write([]byte{'\n'})
			size++
		}
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.file, l.size = f, size
	return nil
}

// Close closes the log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
