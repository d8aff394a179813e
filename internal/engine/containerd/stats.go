package containerd

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/engine"
)

// Stats returns what an instance has used so far.
func (e *Engine) Stats(_ context.Context, id string) (engine.Stats, error) {
	if err := e.checkRunning(id); err != nil {
		return engine.Stats{}, err
	}
	s, err := e.groups.Child(id).Stats()
	if err != nil {
		return engine.Stats{}, fmt.Errorf("read statistics of instance %q: %w", id, err)
	}
	used, _, err := e.paths.instance(id).diskUse()
	if err != nil {
		return engine.Stats{}, fmt.Errorf("instance %q: %w", id, err)
	}
	return engine.Stats{
		CPU: s.CPU, Memory: s.Memory, MemoryLimit: s.MemoryLimit, Processes: s.Processes, Disk: used,
	}, nil
}

// Listening returns the TCP ports that processes of the instance listen on.
func (e *Engine) Listening(_ context.Context, id string) ([]engine.Listener, error) {
	if err := e.checkRunning(id); err != nil {
		return nil, err
	}
	pids, err := e.groups.Child(id).Processes()
	if err != nil {
		return nil, err
	}
	// All processes share one network. One that ends right now has another to stand in for it.
	for _, pid := range pids {
		list, err := listeners(pid)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return e.withoutInside(id, list), err
	}
	return nil, fmt.Errorf("instance %q has no process left", id)
}

func listeners(pid int) ([]engine.Listener, error) {
	var list []engine.Listener
	for _, name := range []string{"tcp", "tcp6"} {
		f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/net/" + name)
		if errors.Is(err, fs.ErrNotExist) && name == "tcp6" {
			continue // a kernel without version 6
		}
		if err != nil {
			return nil, fmt.Errorf("list listening ports: %w", err)
		}
		found, err := parseListeners(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("list listening ports: %w", err)
		}
		list = append(list, found...)
	}
	slices.SortFunc(list, func(a, b engine.Listener) int {
		if a.Port != b.Port {
			return a.Port - b.Port
		}
		return a.Address.Compare(b.Address)
	})
	return slices.Compact(list), nil
}

// parseListeners reads the kernel's table of sockets: number, local address, remote address,
// state, and more.
func parseListeners(r io.Reader) ([]engine.Listener, error) {
	const listening = "0A"
	var list []engine.Listener
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != listening {
			continue
		}
		host, port, ok := strings.Cut(fields[1], ":")
		address, err := parseKernelAddr(host)
		n, perr := strconv.ParseUint(port, 16, 16)
		if !ok || err != nil || perr != nil {
			return nil, fmt.Errorf("unknown address %q in table of sockets", fields[1])
		}
		list = append(list, engine.Listener{Address: address, Port: int(n)})
	}
	return list, lines.Err()
}

// parseKernelAddr reads an address as the kernel prints it: words of four bytes, each in the
// machine's order, which is little-endian wherever containers of ours run.
func parseKernelAddr(s string) (netip.Addr, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b)%4 != 0 {
		return netip.Addr{}, fmt.Errorf("unknown address %q", s)
	}
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return a, fmt.Errorf("unknown address %q", s)
	}
	return a, nil
}
