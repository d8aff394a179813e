// Slipway-log takes the output of one instance and writes it to files.
//
// The shim of the instance starts it, so that output is kept while neither Slipway nor containerd
// runs. Descriptors 3 and 4 are the instance's stdout and stderr; on 5 it says that it is ready.
// It ends when both are closed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-run/slipway/internal/engine/containerd/logfile"
)

// lastWords is how long output is still read after the shim asked to end. Usually it ends by
// itself at once, because nobody is left to write.
const lastWords = 5 * time.Second

func main() {
	// One of these runs for every instance, and most of the time it sleeps.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(20)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "slipway-log:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", "", "directory to write to")
	size := flag.Int64("size", 10<<20, "bytes of one file")
	files := flag.Int("files", 3, "files to keep")
	flag.Parse()
	if *dir == "" {
		return errors.New("no -dir given")
	}
	w, err := logfile.NewWriter(*dir, *size, *files)
	if err != nil {
		return err
	}
	defer w.Close()
	stdout, stderr := input(3, "stdout"), input(4, "stderr")
	endOnSignal(stdout, stderr)
	if err := ready(); err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, 2)
	wg.Go(func() { errs[0] = w.Copy(logfile.Stdout, stdout) })
	wg.Go(func() { errs[1] = w.Copy(logfile.Stderr, stderr) })
	wg.Wait()
	for i, err := range errs {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// input opens an inherited pipe in a way that reading can be given a deadline.
func input(fd uintptr, name string) *os.File {
	_ = syscall.SetNonblock(int(fd), true)
	return os.NewFile(fd, name)
}

func endOnSignal(inputs ...*os.File) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() { // ends with the process
		<-signals
		for _, f := range inputs {
			_ = f.SetReadDeadline(time.Now().Add(lastWords))
		}
	}()
}

// ready tells the shim that the instance may begin to write.
func ready() error {
	f := os.NewFile(5, "ready")
	_, err := f.Write([]byte{1})
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("say ready: %w", err)
	}
	return nil
}
