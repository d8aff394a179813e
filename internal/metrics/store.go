package metrics

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"
)

// Bounds of what is kept.
const (
	// Retention is how long metrics are kept.
	Retention = 14 * 24 * time.Hour
	// maxBytes is what one service may have on disk. 25 instances that all have requests take some
	// 3 KB a minute, 60 MB in two weeks.
	maxBytes = 96 << 20
)

// dayLayout names the file of a day, in UTC.
const dayLayout = "20060102"

var (
	serviceForm = regexp.MustCompile(`\A[a-zA-Z0-9-]{1,64}\z`)
	dayForm     = regexp.MustCompile(`\A[0-9]{8}\z`)
)

// Store keeps minutes in a directory, which belongs to one Store of one process. It may be used
// concurrently.
type Store struct {
	dir string

	mu    sync.Mutex
	whole map[string]bool // files that this process has looked at: they end with a whole frame
}

// OpenStore uses a directory, which it creates if need be.
func OpenStore(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open metrics: %w", err)
	}
	return &Store{dir: dir, whole: map[string]bool{}}, nil
}

func (s *Store) directory(service string) (string, error) {
	if !serviceForm.MatchString(service) {
		return "", fmt.Errorf("metrics: %q is not the id of a service", service)
	}
	return filepath.Join(s.dir, service), nil
}

// Append adds a minute of a service, with one write.
func (s *Store) Append(service string, m *Minute) error {
	dir, err := s.directory(service)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	file := filepath.Join(dir, m.Time.UTC().Format(dayLayout))
	if err := s.appendLocked(file, appendFrame(nil, m)); err != nil {
		return fmt.Errorf("write metrics of service %q: %w", service, err)
	}
	return nil
}

func (s *Store) appendLocked(file string, frame []byte) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if !s.whole[file] {
		if err := repair(f); err != nil {
			return err
		}
	}
	_, err = f.Write(frame)
	s.whole[file] = err == nil // a full disk may have taken a part
	return err
}

// repair cuts off what a crash left of a frame.
func repair(f *os.File) error {
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	rest := data
	for len(rest) > 0 {
		_, next, err := cutFrame(rest)
		if err != nil {
			break
		}
		rest = next
	}
	if len(rest) == 0 {
		return nil
	}
	return f.Truncate(int64(len(data) - len(rest)))
}

// read visits the minutes of a service that began in [from, to), oldest first but for the clock's
// jumps, with the instances that are wanted. A service without metrics has none.
func (s *Store) read(service string, from, to time.Time, instances want, visit func(*Minute)) error {
	dir, err := s.directory(service)
	if err != nil {
		return err
	}
	days, err := s.days(dir)
	if err != nil {
		return err
	}
	first, last := from.UTC().Format(dayLayout), to.UTC().Format(dayLayout)
	for _, day := range days {
		if day < first || day > last {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, day))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return fmt.Errorf("read metrics: %w", err)
		}
		readDay(data, from, to, instances, visit)
	}
	return nil
}

// readDay visits the frames of a file. What comes after damage is not read: only the end of a file can
// be damaged by a crash.
func readDay(data []byte, from, to time.Time, instances want, visit func(*Minute)) {
	for len(data) > 0 {
		body, rest, err := cutFrame(data)
		if err != nil {
			return
		}
		data = rest
		if at := minuteOf(body); at.Before(from) || !at.Before(to) {
			continue
		}
		if m, err := parseFrame(body, instances); err == nil {
			visit(m)
		}
	}
}

// days lists the files of a service, oldest first.
func (s *Store) days(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list metrics: %w", err)
	}
	var days []string
	for _, e := range entries {
		if dayForm.MatchString(e.Name()) {
			days = append(days, e.Name())
		}
	}
	return days, nil
}

// Forget deletes the metrics of a service. One without any is no error.
func (s *Store) Forget(service string) error {
	dir, err := s.directory(service)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for file := range s.whole {
		if filepath.Dir(file) == dir {
			delete(s.whole, file)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("delete metrics of service %q: %w", service, err)
	}
	return nil
}

// Tidy deletes files of days that are over for longer than Retention, and the oldest of a service that
// has too much.
func (s *Store) Tidy(now time.Time) error {
	services, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("tidy metrics: %w", err)
	}
	var errs []error
	for _, e := range services {
		errs = append(errs, s.tidyService(filepath.Join(s.dir, e.Name()), now))
	}
	return errors.Join(errs...)
}

func (s *Store) tidyService(dir string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	days, err := s.days(dir)
	if err != nil {
		return err
	}
	oldest, total := now.Add(-Retention).UTC().Format(dayLayout), int64(0)
	for _, day := range slices.Backward(days) {
		file := filepath.Join(dir, day)
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("tidy metrics: %w", err)
		}
		if total += info.Size(); day >= oldest && total <= maxBytes {
			continue
		}
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("tidy metrics: %w", err)
		}
		delete(s.whole, file)
	}
	return nil
}
