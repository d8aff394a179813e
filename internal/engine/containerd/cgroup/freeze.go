package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrGone is returned for a group that the kernel no longer has.
var ErrGone = errors.New("control group does not exist")

// freezeTimeout bounds how long the kernel is waited for.
const freezeTimeout = 3 * time.Second

// Freeze stops all processes of the group from being scheduled and returns when they are stopped.
func (g Group) Freeze(ctx context.Context) error { return g.setFrozen(ctx, true) }

// Thaw lets them run again.
func (g Group) Thaw(ctx context.Context) error { return g.setFrozen(ctx, false) }

// Frozen reports whether the group is frozen, or on its way there.
func (g Group) Frozen() (bool, error) {
	if g.h.Unified {
		s, err := g.read("freezer", "cgroup.freeze")
		return s == "1", err
	}
	s, err := g.read("freezer", "freezer.state")
	return s == "FROZEN" || s == "FREEZING", err
}

// SetCPU lets the group have quota microseconds of processor time in every period of microseconds.
func (g Group) SetCPU(quota, period int64) error {
	if g.h.Unified {
		return g.write("cpu", "cpu.max", fmt.Sprintf("%d %d", quota, period))
	}
	// The kernel refuses a quota above what a smaller period allows: the period is the same for all.
	if err := g.write("cpu", "cpu.cfs_period_us", strconv.FormatInt(period, 10)); err != nil {
		return err
	}
	return g.write("cpu", "cpu.cfs_quota_us", strconv.FormatInt(quota, 10))
}

func (g Group) setFrozen(ctx context.Context, want bool) error {
	name, value := "freezer.state", "THAWED"
	if want {
		value = "FROZEN"
	}
	if g.h.Unified {
		name, value = "cgroup.freeze", "0"
		if want {
			value = "1"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, freezeTimeout)
	defer cancel()
	for wait, try := 50*time.Microsecond, 1; ; wait, try = min(2*wait, 5*time.Millisecond), try+1 {
		if want && !g.h.Unified && try%10 == 0 {
			// Version 1 can get stuck half-way. Letting the processes run for a moment helps.
			if err := g.write("freezer", name, "THAWED"); err != nil {
				return err
			}
			time.Sleep(100 * time.Microsecond)
		}
		// Version 1 wants the state written again when a process forked meanwhile.
		if err := g.write("freezer", name, value); err != nil {
			return err
		}
		done, err := g.settled(want)
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			if want { // half frozen is neither
				_ = g.setFrozen(context.WithoutCancel(ctx), false)
			}
			return fmt.Errorf("wait for group %q to become %s: %w", g.path, value, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

// settled reports whether every process has reached the wanted state.
func (g Group) settled(want bool) (bool, error) {
	if !want {
		return true, nil // to be runnable needs no acknowledgement
	}
	if !g.h.Unified {
		s, err := g.read("freezer", "freezer.state")
		return s == "FROZEN", err
	}
	values, err := g.readPairs("freezer", "cgroup.events")
	return values["frozen"] == 1, err
}

func (g Group) read(controller, name string) (string, error) {
	b, err := os.ReadFile(g.file(controller, name))
	return strings.TrimSpace(string(b)), g.wrap("read", name, err)
}

func (g Group) write(controller, name, value string) error {
	// No O_CREATE: a file that is not there means that the group is gone.
	f, err := os.OpenFile(g.file(controller, name), os.O_WRONLY|os.O_TRUNC, 0)
	if err == nil {
		_, err = f.WriteString(value)
		err = errors.Join(err, f.Close())
	}
	return g.wrap("write", name, err)
}

func (g Group) wrap(verb, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case gone(err):
		return fmt.Errorf("%s %s of group %q: %w", verb, name, g.path, ErrGone)
	default:
		return fmt.Errorf("%s %s of group %q: %w", verb, name, g.path, err)
	}
}

// gone recognises what the kernel says when a group disappears before or while it is read.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV)
}
