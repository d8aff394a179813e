package enginetest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
)

var limitTests = []test{
	{"OutOfMemoryIsAReason", func(t *testing.T, s *suite) {
		spec := s.spec("-eat", "128")
		spec.Memory = 64 * mib
		s.start(t, spec)
		exit := s.exited(t, spec.ID)
		if !exit.OutOfMemory || exit.Code != 137 {
			t.Errorf("exit is %+v, want out of memory with code 137", exit)
		}
		if exit.MemoryPeak < spec.Memory/2 || exit.MemoryPeak > spec.Memory+mib {
			t.Errorf("peak is %d, want about the limit of %d", exit.MemoryPeak, spec.Memory)
		}
	}},
	{"MemoryBelowTheLimitIsFine", func(t *testing.T, s *suite) {
		spec := s.spec("-eat", "32", "-exit", "0")
		spec.Memory = 64 * mib
		s.start(t, spec)
		exit := s.exited(t, spec.ID)
		if exit.OutOfMemory || exit.Code != 0 || exit.MemoryPeak < 32*mib {
			t.Errorf("exit is %+v, want code 0 with a peak above 32 MiB", exit)
		}
	}},
	{"DiskIsBounded", func(t *testing.T, s *suite) {
		spec := s.spec()
		inst := s.serve(t, spec)
		_, err := get(t, inst, "/fill", url.Values{"bytes": {fmt.Sprint(spec.Disk * 7 / 8)}})
		if err != nil {
			t.Errorf("write of seven eighths of the disk: %v", err)
		}
		stats, err := s.Engine.Stats(t.Context(), spec.ID)
		if err != nil || stats.Disk < spec.Disk*3/4 || stats.Disk > spec.Disk*5/4 {
			t.Errorf("Stats: disk %d, %v, want about %d", stats.Disk, err, spec.Disk*7/8)
		}
		_, err = get(t, inst, "/fill", url.Values{"bytes": {fmt.Sprint(spec.Disk)}})
		if err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("write beyond the disk: %v, want no space left", err)
		}
		_, _ = get(t, inst, "/exit", url.Values{"code": {"1"}})
		if exit := s.exited(t, spec.ID); !exit.DiskFull {
			t.Errorf("exit is %+v, want a full disk", exit)
		}
	}},
	{"CPUIsBounded", func(t *testing.T, s *suite) {
		spec := s.spec()
		spec.CPU = 256
		inst := s.serve(t, spec)
		before := s.stats(t, spec.ID)
		begin := time.Now()
		if _, err := get(t, inst, "/spin", url.Values{"for": {"2s"}}); err != nil {
			t.Fatal(err)
		}
		used, took := s.stats(t, spec.ID).CPU-before.CPU, time.Since(begin)
		if used < took/20 || used > took*2/5 {
			t.Errorf("a quarter of a CPU used %s in %s", used, took)
		}
	}},
	{"BoostUntilSetCPU", func(t *testing.T, s *suite) {
		spec := s.spec()
		spec.CPU, spec.Boost = 256, true
		inst := s.serve(t, spec)
		share := func() float64 {
			before, begin := s.stats(t, spec.ID), time.Now()
			if _, err := get(t, inst, "/spin", url.Values{"for": {"1s"}}); err != nil {
				t.Fatal(err)
			}
			return (s.stats(t, spec.ID).CPU - before.CPU).Seconds() / time.Since(begin).Seconds()
		}
		boosted := share()
		// Much less than the weight of the instance gets it on the busiest machine.
		if err := s.Engine.SetCPU(t.Context(), spec.ID, 64); err != nil {
			t.Fatalf("SetCPU: %v", err)
		}
		if limited := share(); limited > 0.1 || boosted < 1.3*limited {
			t.Errorf("the instance used %.2f CPU with a boost and %.2f when limited to a sixteenth", boosted, limited)
		}
	}},
	{"ThrottledInstanceAnswersAndIsSoonItselfAgain", func(t *testing.T, s *suite) {
		spec := s.spec()
		inst := s.serve(t, spec)
		for range 3 {
			if err := s.Engine.SetCPU(t.Context(), spec.ID, 51); err != nil {
				t.Fatal(err)
			}
			if !s.answersWithin(t, inst, 2*time.Second) {
				t.Error("with a twentieth of a CPU it does not answer a health check")
			}
			if err := s.Engine.SetCPU(t.Context(), spec.ID, spec.CPU); err != nil {
				t.Fatal(err)
			}
			before := s.stats(t, spec.ID).CPU
			if _, err := get(t, inst, "/spin", url.Values{"for": {"300ms"}}); err != nil {
				t.Fatal(err)
			}
			if used := s.stats(t, spec.ID).CPU - before; used < 40*time.Millisecond {
				t.Errorf("with its CPU again it used %s of 300 ms", used)
			}
		}
	}},
	{"Statistics", func(t *testing.T, s *suite) {
		spec := s.spec("-eat", "40")
		s.serve(t, spec)
		st := s.stats(t, spec.ID)
		if st.CPU <= 0 || st.Memory < 40*mib || st.Memory > spec.Memory || st.MemoryLimit != spec.Memory || st.Processes < 1 {
			t.Errorf("statistics are %+v", st)
		}
	}},
	{"ListeningPorts", func(t *testing.T, s *suite) {
		spec := s.spec("-port", "9001")
		s.start(t, spec)
		eventually(t, "instance listens", func() error {
			list, err := s.Engine.Listening(t.Context(), spec.ID)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(list, func(l engine.Listener) bool {
				return l.Port == 9001 && l.Address.IsUnspecified()
			}) || len(list) != 1 {
				return fmt.Errorf("listens on %v, want all addresses, port 9001", list)
			}
			return nil
		})
	}},
}

func (s *suite) stats(t *testing.T, id string) engine.Stats {
	t.Helper()
	st, err := s.Engine.Stats(t.Context(), id)
	if err != nil {
		t.Fatalf("Stats: %v", err)
	}
	return st
}
