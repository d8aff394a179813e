// Package room is the contract between what builds and the machine it builds on: a place of its own for
// a program that runs other people's commands, with a network, a disk and control groups that nothing
// else is in.
package room

import "net/netip"

// Spec is how large a room is.
type Spec struct {
	Disk   int64   // bytes; what is on the disk stays until the size changes
	Fresh  bool    // what is on the disk is given up
	CPUs   float64 // processors at most; 0 for all there are
	Memory int64   // bytes, of all steps together
	Pids   int64   // processes, of all steps together
}

// Room is a place that is ready.
type Room struct {
	Dir     string       // for a few small files
	Disk    string       // a directory on the disk, which is to be seen in the room alone
	Sockets string       // for sockets, whose paths must be short; outside of the disk
	Steps   string       // control group for the commands; the program itself is beside it
	Bridge  string       // to make in the room's network, for networks of the commands
	Subnet  netip.Prefix // of that bridge
	MTU     int          // of that bridge
	DNS     []netip.Addr // name servers that can be reached
	Fresh   bool         // nothing is on the disk
}

// Use is how much of a room is used.
type Use struct {
	Free int64 // bytes that steps can still write to the disk
	// MemoryHits counts how often steps have reached their memory limit. Where the kernel tells, it counts
	// only when a process was killed.
	MemoryHits int64
}
