package git

import (
	"context"
	"io/fs"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// work is the reading of one repository with all its submodules, within the limits together.
type work struct {
	git  *Git
	base string // deleted at the end
	stop context.CancelCauseFunc

	mu      sync.Mutex
	dir     string // where files go, "" while that is not known
	modules int    // submodules so far
}

// glance is how long the disk is left alone between two looks, at least.
const glance = 100 * time.Millisecond

// watch ends the work when it takes too much disk. What it returns ends the watching.
func (w *work) watch(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause := glance; ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			began := time.Now()
			if err := w.measure(ctx); err != nil {
				w.stop(err)
				return
			}
			pause = max(glance, 10*time.Since(began)) // a large tree takes a while to walk
		}
	}()
	return func() { cancel(); <-done }
}

// measure returns an error when the work takes too much disk.
func (w *work) measure(ctx context.Context) error {
	w.mu.Lock()
	dirs := []string{w.base, w.dir}
	w.mu.Unlock()
	var bytes int64
	files := 0
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || ctx.Err() != nil {
				return ctx.Err() // files come and go while git works
			}
			if info, err := d.Info(); err == nil {
				files++
				if stat, ok := info.Sys().(*syscall.Stat_t); ok {
					bytes += stat.Blocks * 512
				}
			}
			return nil
		})
	}
	return w.within(bytes, files)
}

// within refuses more than the limits.
func (w *work) within(bytes int64, files int) error {
	if bytes <= w.git.config.MaxBytes && files <= w.git.config.MaxFiles {
		return nil
	}
	return failf("The repository is too large: with its submodules, large files and what Git needs it may take %d MB and %d files. Remove what the build does not need, or have the operator raise source.max-size.",
		w.git.config.MaxBytes/1e6, w.git.config.MaxFiles)
}
