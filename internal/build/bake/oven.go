package bake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"
)

// Oven bakes recipes. All that it writes is in Dir.
type Oven struct {
	Book   *Book
	Dir    string // has what is finished, and is used again by the next bake
	Mirror Mirror
	// Say is told what begins and ends; it may be called by several goroutines.
	Say func(format string, args ...any)
}

// Baked is the two images of a recipe, and what they have in them.
type Baked struct {
	Recipe  Recipe
	Version string // of the language, such as "3.11.2"
	Build   v1.Image
	Run     v1.Image
}

// run is one call of Bake.
type run struct {
	*Oven
	began    time.Time     // what changes later was made here, and not by a package
	settings []string      // of the host's apt
	slots    chan struct{} // one for each layer that may be made at a time

	mu     sync.Mutex
	layers map[string]*made // by key
	lists  map[string]*made // by suite
}

// made is something that is made once.
type made struct {
	once sync.Once
	err  error
}

// Bake makes the images of recipes, or finds them in Dir. Done is called with each as soon as it is
// complete, one at a time. One that fails does not stop the others.
func (o *Oven) Bake(ctx context.Context, recipes []Recipe, done func(Baked) error) error {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	unlock, err := o.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := o.sweep(); err != nil { // of a bake that was killed
		return err
	}
	for _, dir := range []string{"tmp", "layers", "images"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, dir), 0o700); err != nil {
			return err
		}
	}
	r := &run{
		Oven: o, began: time.Now(), settings: aptSettings(ctx), slots: make(chan struct{}, max(2, min(runtime.NumCPU(), 4))),
		layers: map[string]*made{}, lists: map[string]*made{},
	}
	if err := r.able(recipes); err != nil {
		return err
	}
	var group sync.WaitGroup
	var one sync.Mutex
	var failed []error
	for _, recipe := range recipes {
		group.Go(func() {
			baked, err := r.bake(ctx, recipe)
			one.Lock()
			defer one.Unlock()
			if err == nil {
				err = done(baked)
			}
			switch {
			case err == nil:
			case slices.ContainsFunc(failed, func(other error) bool { return errors.Is(other, err) }):
				failed = append(failed, fmt.Errorf("make the images of %s: the same", recipe.Name))
			default:
				failed = append(failed, fmt.Errorf("make the images of %s: %w", recipe.Name, err))
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		failed = []error{err}
	}
	return errors.Join(append(failed, o.sweep())...)
}

// able refuses what this machine cannot do, before anything begins.
func (r *run) able(recipes []Recipe) error {
	for _, recipe := range recipes {
		d := r.Book.design(recipe)
		for _, l := range slices.Concat(d.build, d.run) {
			if _, err := os.Stat(r.dir(l)); err == nil {
				continue
			}
			var all []error
			for _, m := range Missing() {
				all = append(all, fmt.Errorf("%s. To do: %s", m.What, m.Fix))
			}
			return errors.Join(all...)
		}
	}
	return nil
}

// lock waits until no other process bakes in the directory. The lock ends with the process.
func (o *Oven) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(o.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		o.Say("Waiting for another process that makes runtime images in %s", o.Dir)
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	} else if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// sweep deletes all that is of no use after a bake: half-made layers, lists of packages, and the
// unpacked form of layers.
func (o *Oven) sweep() error {
	files, err := filepath.Glob(filepath.Join(o.Dir, "layers", "*", "files"))
	for _, dir := range append(files, filepath.Join(o.Dir, "tmp")) {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// once runs f if nobody has done so for a key yet, or waits for who does.
func (r *run) once(of map[string]*made, key string, f func() error) error {
	r.mu.Lock()
	m := of[key]
	if m == nil {
		m = &made{}
		of[key] = m
	}
	r.mu.Unlock()
	m.once.Do(func() { m.err = f() })
	return m.err
}

// slot waits for the right to work.
func (r *run) slot(ctx context.Context) (release func(), err error) {
	select {
	case r.slots <- struct{}{}:
		return func() { <-r.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
