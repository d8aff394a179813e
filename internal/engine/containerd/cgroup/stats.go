package cgroup

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Stats is what the processes of a group use.
type Stats struct {
	CPU         time.Duration // processor time since the group was made
	Memory      int64         // bytes, without the page cache that the kernel would drop first
	MemoryLimit int64         // bytes; 0 when there is none
	Processes   int           // processes and threads
}

// Memory tells how a group did with its memory.
type Memory struct {
	Peak     int64 // bytes, the most that was used; 0 when the kernel does not say
	OOMKills int64 // processes that were killed because the limit was reached
}

// noLimit is above any memory: version 1 writes the largest multiple of a page for "no limit".
const noLimit = 1 << 62

// Stats reads the current use.
func (g Group) Stats() (Stats, error) {
	if g.h.Unified {
		return g.stats2()
	}
	return g.stats1()
}

func (g Group) stats1() (Stats, error) {
	cpu, err1 := g.readInt("cpuacct", "cpuacct.usage")
	used, err2 := g.readInt("memory", "memory.usage_in_bytes")
	stat, err3 := g.readPairs("memory", "memory.stat")
	limit, err4 := g.readInt("memory", "memory.limit_in_bytes")
	tasks, err5 := g.readInt("pids", "pids.current")
	if limit >= noLimit {
		limit = 0
	}
	return Stats{
		CPU:         time.Duration(cpu),
		Memory:      max(used-stat["total_inactive_file"], 0),
		MemoryLimit: limit,
		Processes:   int(tasks),
	}, errors.Join(err1, err2, err3, err4, err5)
}

func (g Group) stats2() (Stats, error) {
	cpu, err1 := g.readPairs("cpu", "cpu.stat")
	used, err2 := g.readInt("memory", "memory.current")
	stat, err3 := g.readPairs("memory", "memory.stat")
	limit, err4 := g.readInt("memory", "memory.max")
	tasks, err5 := g.readInt("pids", "pids.current")
	return Stats{
		CPU:         time.Duration(cpu["usage_usec"]) * time.Microsecond,
		Memory:      max(used-stat["inactive_file"], 0),
		MemoryLimit: limit,
		Processes:   int(tasks),
	}, errors.Join(err1, err2, err3, err4, err5)
}

// Memory reads how the group did with its memory. It must be called before the group is removed,
// and may be called after its last process ended.
func (g Group) Memory() (Memory, error) {
	peakFile, eventsFile := "memory.max_usage_in_bytes", "memory.oom_control"
	if g.h.Unified {
		peakFile, eventsFile = "memory.peak", "memory.events"
	}
	peak, err := g.readInt("memory", peakFile)
	if errors.Is(err, ErrGone) && g.Exists() {
		err = nil // memory.peak came with Linux 5.19
	}
	events, eventsErr := g.readPairs("memory", eventsFile)
	return Memory{Peak: peak, OOMKills: events["oom_kill"]}, errors.Join(err, eventsErr)
}

// readInt reads a file with one number. The word "max" is 0.
func (g Group) readInt(controller, name string) (int64, error) {
	s, err := g.read(controller, name)
	if err != nil || s == "max" {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return noLimit, nil
	}
	return n, g.wrap("parse", name, err)
}

// readPairs reads a file with lines of a name and a number.
func (g Group) readPairs(controller, name string) (map[string]int64, error) {
	s, err := g.read(controller, name)
	if err != nil {
		return nil, err
	}
	values := map[string]int64{}
	for line := range strings.Lines(s) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseInt(value, 10, 64); ok && err == nil {
			values[key] = n
		}
	}
	return values, nil
}
