package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
)

// retentions is how many days the groups of a service are kept, where that was set.
type retentions map[kind]int

func (r *record) retentionFile() string { return filepath.Join(r.dir, "retention.json") }

// retentionsLocked reads them once.
func (r *record) retentionsLocked() (retentions, error) {
	if r.retentions != nil {
		return r.retentions, nil
	}
	kept := retentions{}
	content, err := os.ReadFile(r.retentionFile())
	if err == nil {
		err = json.Unmarshal(content, &kept)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read retention %q: %w", r.retentionFile(), err)
	}
	r.retentions = kept
	return kept, nil
}

// SetRetention sets how many days a group is kept; 0 for as long as Options say.
func (l *Log) SetRetention(group string, days int) error {
	s, k, err := parseGroup(group)
	if err != nil {
		return err
	}
	r, err := l.existing(s)
	if err != nil {
		return fmt.Errorf("log group %q: %w", group, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.deleted {
		return fmt.Errorf("log group %q: %w", group, ErrNotFound)
	}
	kept, err := r.retentionsLocked()
	if err != nil {
		return err
	}
	next := maps.Clone(kept)
	if next[k] = days; days == 0 {
		delete(next, k)
	}
	content, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("write retention: %w", err)
	}
	if err := replaceFile(r.retentionFile(), content); err != nil {
		return fmt.Errorf("write retention: %w", err)
	}
	r.retentions = next
	return nil
}

// Retention returns how long a group is kept.
func (l *Log) Retention(group string) (time.Duration, error) {
	s, k, err := parseGroup(group)
	if err != nil {
		return 0, err
	}
	r, err := l.existing(s)
	if err != nil {
		return 0, fmt.Errorf("log group %q: %w", group, err)
	}
	return l.retention(r, k)
}

func (l *Log) retention(r *record, k kind) (time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept, err := r.retentionsLocked()
	if days := kept[k]; days > 0 {
		return time.Duration(days) * 24 * time.Hour, nil
	}
	return l.options.Retention, err
}

// cut is the time from which on the events of a group are kept.
func (l *Log) cut(r *record, k kind) (time.Time, error) {
	kept, err := l.retention(r, k)
	return l.options.Now().Add(-kept).Truncate(time.Millisecond), err
}

// Tidy deletes what is older than the retention of its group, and of each service the output of those
// instances that were removed the longest ago, while it is more than Options.MaxBytes.
func (l *Log) Tidy(ctx context.Context) error {
	dirs, err := filepath.Glob(filepath.Join(l.dir, "*", "*"))
	if err != nil {
		return fmt.Errorf("tidy logs: %w", err)
	}
	var errs []error
	for _, dir := range dirs {
		s := Service{Name: filepath.Base(filepath.Dir(dir)), ID: filepath.Base(dir)}
		if s.validate() != nil {
			continue
		}
		r := l.record(s)
		errs = append(errs, l.tidyStored(r), l.tidyOutput(ctx, r))
	}
	return errors.Join(errs...)
}

// tidyStored deletes old segments of the service group, but for the newest of the events.
func (l *Log) tidyStored(r *record) error {
	cut, err := l.cut(r, serviceGroup)
	if err != nil {
		return err
	}
	infos, err := l.stored(r)
	if err != nil {
		return err
	}
	for _, info := range infos {
		st, err := l.streamOf(r, info.Name)
		if err != nil {
			return err
		}
		if info.Name != EventStream && info.Written.Before(cut) {
			r.mu.Lock()
			delete(r.streams, info.Name)
			r.mu.Unlock()
			err = st.remove()
		} else {
			err = st.trim(cut)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// trim deletes segments that were last written to before a time, but for the active one.
func (s *stream) trim(before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	numbers, err := s.numbers()
	if err != nil {
		return err
	}
	for _, n := range numbers[:max(0, len(numbers)-1)] {
		info, err := os.Stat(s.file(n))
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(s.file(n))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete log: %w", err)
		}
	}
	return nil
}

func (l *Log) tidyOutput(ctx context.Context, r *record) error {
	cut, err := l.cut(r, applicationGroup)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.loadLocked(); err != nil {
		return err
	}
	newest := slices.Clone(r.instances)
	slices.SortStableFunc(newest, func(a, b instance) int { return b.Removed.Compare(a.Removed) })
	total, full := int64(0), false
	forgotten := map[string]bool{}
	for _, in := range alive(newest) {
		size, _, err := l.trimOutput(ctx, in.ID, cut)
		if err != nil {
			return err
		}
		total += size
	}
	for _, in := range newest {
		if in.Removed.IsZero() {
			continue
		}
		size, last, err := l.trimOutput(ctx, in.ID, cut)
		if err != nil {
			return err
		}
		if in.Removed.After(last) {
			last = in.Removed
		}
		total += size
		full = full || total > l.options.MaxBytes // those that were removed earlier go, too
		if !full && !last.Before(cut) {
			continue
		}
		if err := l.forget(ctx, in.ID); err != nil {
			return err
		}
		forgotten[in.ID] = true
	}
	if len(forgotten) == 0 {
		return nil
	}
	return r.saveLocked(slices.DeleteFunc(slices.Clone(r.instances), func(in instance) bool { return forgotten[in.ID] }))
}

func alive(all []instance) []instance {
	return slices.DeleteFunc(slices.Clone(all), func(in instance) bool { return !in.Removed.IsZero() })
}

// trimOutput deletes old output of an instance, and tells how much is left and when the last of it was
// written.
func (l *Log) trimOutput(ctx context.Context, id string, before time.Time) (size int64, last time.Time, err error) {
	if err = l.output.TrimLogs(ctx, id, before); err == nil {
		var parts []engine.LogPart
		parts, err = l.output.LogParts(ctx, id)
		for _, p := range parts {
			size, last = size+p.Bytes, p.Last
		}
	}
	if err != nil && !engine.Is(err, engine.NotFound) {
		return 0, last, fmt.Errorf("tidy output of instance %q: %w", id, err)
	}
	return size, last, nil
}

// replaceFile writes a file in one step, so that a crash leaves the old or the new one.
func replaceFile(file string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
