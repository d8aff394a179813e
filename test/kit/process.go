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
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(data, []byte("HOSTNAME="+hostname+"\x00")) {
			continue // ended, or of somebody else
		}
		if command, err := os.ReadFile(filepath.Join(filepath.Dir(file), "comm")); err == nil && string(command) == "mimic\n" {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	return 0
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
