package cgroup

import (
	"errors"
	"strconv"
	"syscall"
)

// Reclaim has the kernel take back the memory of the group that can be read again: caches, and the pages
// of programs. A kernel that does not offer it takes nothing.
func (g Group) Reclaim() error {
	if !g.h.Unified {
		return ignoreGone(g.write("memory", "memory.force_empty", "0"))
	}
	stat, err := g.readPairs("memory", "memory.stat")
	if err != nil || stat["file"] == 0 {
		return err
	}
	err = g.write("memory", "memory.reclaim", strconv.FormatInt(stat["file"], 10))
	if errors.Is(err, syscall.EAGAIN) { // some of it is in use
		return nil
	}
	return ignoreGone(err) // it came with Linux 5.19
}
