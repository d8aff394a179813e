package telemetry

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestMain is also the process that TestKilledWriterLosesNothing kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TELEMETRY_TEST_WRITE_TO"); dir != "" {
		writeForever(dir)
	}
	os.Exit(m.Run())
}

// writeForever writes events and says on its output which ones are written.
func writeForever(dir string) {
	l, err := Open(dir, newOutput(), Options{SegmentSize: 10_000, Segments: 100_000})
	for i := 0; err == nil; i++ {
		if err = l.Event(hello, time.Now(), fmt.Sprint(i)); err == nil {
			fmt.Println(i)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestKilledWriterLosesNothing(t *testing.T) {
	dir := t.TempDir()
	for range 5 {
		writer := exec.CommandContext(t.Context(), os.Args[0])
		writer.Env = append(os.Environ(), "TELEMETRY_TEST_WRITE_TO="+dir)
		writer.Stderr = os.Stderr
		output, err := writer.StdoutPipe()
		must(t, err)
		must(t, writer.Start())
		said := bufio.NewScanner(output)
		last := ""
		for n := 0; said.Scan(); n++ {
			if last = said.Text(); n == 200 {
				must(t, writer.Process.Kill()) // what it still says was written too
			}
		}
		_ = writer.Wait()

		l := open(t, dir, newOutput(), Options{})
		lines := read(t, l, Query{Group: hello.ServiceGroup()})
		found, next := false, 0
		for _, line := range lines {
			if line != fmt.Sprintf("events: %d", next) {
				t.Fatalf("line %q where event %d was due", line, next)
			}
			found = found || line == "events: "+last
			next++
		}
		if !found {
			t.Errorf("event %s was written, said the writer, but only %d lines are there", last, len(lines))
		}
		must(t, l.Delete(t.Context(), hello))
	}
}
