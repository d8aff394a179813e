package kit

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Process returns the process id, on this machine, of the application in the instance with a host
// name; 0 when there is none.
func Process(t testing.TB, hostname string) int {
	t.Helper()
	for _, pid := range Processes(t, "HOSTNAME="+hostname) {
		return pid
	}
	return 0
}

// Processes returns the process ids, on this machine, of the tests' application with an environment
// variable, given as NAME=VALUE.
func Processes(t testing.TB, variable string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(append([]byte{0}, data...), []byte("\x00"+variable+"\x00")) {
			continue // ended, or of somebody else
		}
		if command, err := os.ReadFile(filepath.Join(filepath.Dir(file), "comm")); err == nil && string(command) == "mimic\n" {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, pid)
		}
	}
	return found
}

// Limit reads a limit of the control group of a process: the file is called one of names, as
// version 1 and 2 of control groups differ.
func Limit(t testing.TB, pid int, names ...string) string {
	t.Helper()
	groups, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for _, name := range names {
			for _, root := range []string{parts[1], "unified", ""} {
				data, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", root, parts[2], name))
				if err == nil {
					return strings.TrimSpace(string(data))
				}
			}
		}
	}
	t.Fatalf("process %d has no limit %q. Its groups:\n%s", pid, names, groups)
	return ""
}
