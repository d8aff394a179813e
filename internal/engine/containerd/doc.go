// Package containerd runs instances with containerd and runc on this machine.
//
// Each data directory has a containerd of its own, started as a child but not tied to its parent:
// it goes on when Slipway ends, and the next Slipway finds it. Instances in turn do not depend on
// containerd: a shim holds each of them, and a log writer takes its output. So any of the three
// may be killed and started again while instances serve.
//
// What is known of an instance is kept where it survives: its labels and address in containerd's
// database, and in its directory the files "prepared", "started" and "exit.json", each written
// when that point in its life is passed. The state is always derived from these and from the
// kernel, never remembered.
//
// Everything on the machine that is not a file in the data directory (bridge, nftables table,
// control groups, the directory of sockets below /run) has the key of the data directory in its
// name, so that several Slipways share a machine and each can be removed without the others.
package containerd
