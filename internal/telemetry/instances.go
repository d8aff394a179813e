package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
)

// instance is what the index of a service says of one instance.
type instance struct {
	ID      string    `json:"id"`
	Started time.Time `json:"started"`
	Removed time.Time `json:"removed,omitzero"`
}

// AddInstance makes the output of an instance part of the service's application group. The engine
// must know the instance already. Adding one again changes nothing.
func (l *Log) AddInstance(s Service, instanceID string, now time.Time) error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("log instance: %w", err)
	}
	if !safeName.MatchString(instanceID) {
		return fmt.Errorf("log instance: id %q is not fit for a log stream", instanceID)
	}
	r := l.record(s)
	r.mu.Lock()
	err := r.addLocked(instanceID, now)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	r.notify()
	return nil
}

func (r *record) addLocked(id string, now time.Time) error {
	if err := r.loadLocked(); err != nil {
		return err
	}
	if r.indexLocked(id) >= 0 {
		return nil
	}
	return r.saveLocked(append(slices.Clone(r.instances), instance{ID: id, Started: now.UTC()}))
}

// RemoveInstance tells that an instance is gone. Its output stays readable until the service has
// had too many others since: then the engine is told to forget it. An unknown one is ignored.
func (l *Log) RemoveInstance(ctx context.Context, s Service, instanceID string, now time.Time) error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("log instance: %w", err)
	}
	r := l.record(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.loadLocked(); err != nil {
		return err
	}
	i := r.indexLocked(instanceID)
	if i < 0 {
		return nil
	}
	next := slices.Clone(r.instances)
	if next[i].Removed.IsZero() {
		next[i].Removed = now.UTC()
		if err := r.saveLocked(next); err != nil {
			return err
		}
	}
	return l.boundInstancesLocked(ctx, r)
}

// RemoveOthers tells that of a service's instances only those for which alive is true are left, as
// after a crash, or when everything was taken down.
func (l *Log) RemoveOthers(ctx context.Context, s Service, alive func(id string) bool, now time.Time) error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("log instances: %w", err)
	}
	r := l.record(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.loadLocked(); err != nil {
		return err
	}
	next, changed := slices.Clone(r.instances), false
	for i := range next {
		if next[i].Removed.IsZero() && !alive(next[i].ID) {
			next[i].Removed, changed = now.UTC(), true
		}
	}
	if !changed {
		return nil
	}
	if err := r.saveLocked(next); err != nil {
		return err
	}
	return l.boundInstancesLocked(ctx, r)
}

// boundInstancesLocked forgets the instances that were removed the longest ago. The engine
// forgets first: if that is interrupted, the index still knows what is left to forget.
func (l *Log) boundInstancesLocked(ctx context.Context, r *record) error {
	var removed []instance
	for _, in := range r.instances {
		if !in.Removed.IsZero() {
			removed = append(removed, in)
		}
	}
	slices.SortStableFunc(removed, func(a, b instance) int { return a.Removed.Compare(b.Removed) })
	for len(removed) > l.options.KeepInstances {
		oldest := removed[0].ID
		if err := l.forget(ctx, oldest); err != nil {
			return err
		}
		kept := slices.DeleteFunc(slices.Clone(r.instances), func(in instance) bool { return in.ID == oldest })
		if err := r.saveLocked(kept); err != nil {
			return err
		}
		removed = removed[1:]
	}
	return nil
}

// forget has the engine delete the output of an instance, if it has any.
func (l *Log) forget(ctx context.Context, id string) error {
	if err := l.output.ForgetLogs(ctx, id); err != nil && !engine.Is(err, engine.NotFound) {
		return fmt.Errorf("delete output of instance %q: %w", id, err)
	}
	return nil
}

func (l *Log) instances(r *record) ([]instance, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.loadLocked(); err != nil {
		return nil, err
	}
	return slices.Clone(r.instances), nil
}

func (r *record) indexLocked(id string) int {
	return slices.IndexFunc(r.instances, func(in instance) bool { return in.ID == id })
}

func (r *record) indexFile() string { return filepath.Join(r.dir, "instances.json") }

func (r *record) loadLocked() error {
	if r.loaded {
		return nil
	}
	content, err := os.ReadFile(r.indexFile())
	if err == nil {
		err = json.Unmarshal(content, &r.instances)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read index of instances %q: %w", r.indexFile(), err)
	}
	r.loaded = true
	return nil
}

// saveLocked replaces the index in one step, so that a crash leaves the old or the new one.
func (r *record) saveLocked(next []instance) error {
	if r.deleted {
		return fmt.Errorf("write index of instances: %w", ErrNotFound)
	}
	content, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("write index of instances: %w", err)
	}
	if err := replaceFile(r.indexFile(), content); err != nil {
		return fmt.Errorf("write index of instances: %w", err)
	}
	r.instances = next
	return nil
}
