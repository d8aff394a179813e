package containerd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process identifies a process beyond the reuse of its number.
type process struct {
	PID    int    `json:"pid"`
	Start  string `json:"start"` // in ticks since boot, as the kernel writes it
	Boot   string `json:"boot"`  // id of the boot
	Config string `json:"config"`
}

func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}

// startTime returns when a process started, or "" when there is no such process or only its
// remains wait to be collected.
func startTime(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The name, in brackets, may contain anything; fields 3 and on follow the last bracket.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	const state, start = 0, 22 - 3
	if len(fields) <= start || fields[state] == "Z" || fields[state] == "X" {
		return ""
	}
	return fields[start]
}

func (p process) alive() bool {
	return p.PID > 0 && p.Boot == bootID() && p.Start != "" && p.Start == startTime(p.PID)
}

func readProcess(file string) process {
	var p process
	b, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(b, &p) != nil {
		return process{}
	}
	return p
}

func (p process) write(file string) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return writeFile(file, b)
}

// terminate asks a process to end, and ends it when it has not after grace.
func (p process) terminate(grace time.Duration) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, syscall.ESRCH) || !p.alive() {
		if err == nil {
			unix.Close(fd)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", p.PID, err)
	}
	defer unix.Close(fd)
	if grace > 0 {
		if err := unix.PidfdSendSignal(fd, unix.SIGTERM, nil, 0); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end process %d: %w", p.PID, err)
		}
		if waitFD(fd, grace) {
			return nil
		}
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process %d: %w", p.PID, err)
	}
	if !waitFD(fd, 10*time.Second) {
		return fmt.Errorf("process %d does not end even when killed", p.PID)
	}
	return nil
}

// waitFD waits until a process's file descriptor says that it ended.
func waitFD(fd int, d time.Duration) bool {
	deadline := time.Now().Add(d)
	for {
		left := time.Until(deadline)
		if left < 0 {
			return false
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
		if n > 0 {
			return true
		}
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return false
		}
	}
}

// processesWith returns the processes whose command line matches.
func processesWith(match func(args []string) bool) ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		start := startTime(pid)
		b, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err != nil || len(b) == 0 || start == "" {
			continue
		}
		if match(strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")) {
			found = append(found, process{PID: pid, Start: start, Boot: bootID()})
		}
	}
	return found, nil
}

func (p process) terminateIfAlive(grace time.Duration) error {
	if !p.alive() {
		return nil
	}
	return p.terminate(grace)
}
