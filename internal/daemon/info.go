package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Info is what the command line knows of a running daemon.
type Info struct {
	PID     int    `json:"pid"`
	API     string `json:"api"`    // URL of the API, the registry and the console
	Scheme  string `json:"scheme"` // of service URLs
	HTTP    string `json:"http"`   // address that applications are served at
	HTTPS   string `json:"https,omitempty"`
	Region  string `json:"region"`
	Account string `json:"account"`
	MaxPush int64  `json:"maxPush"` // bytes of source code that may be sent at once
}

const infoFile = "daemon.json"

// write publishes the info, whole or not at all.
func (i Info) write(dataDir string) error {
	data, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(dataDir, infoFile)
	if err := os.WriteFile(file+".new", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", infoFile, err)
	}
	return os.Rename(file+".new", file)
}

// ReadInfo reads what the daemon of a data directory published.
func ReadInfo(dataDir string) (Info, error) {
	var info Info
	data, err := os.ReadFile(filepath.Join(dataDir, infoFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return info, fmt.Errorf("no Slipway runs in %s. Start one with \"slipway serve\", or give another --data-dir", dataDir)
	case errors.Is(err, fs.ErrPermission):
		return info, fmt.Errorf("%s may not be read by this user. Run the command as the user that Slipway runs as: %w", dataDir, err)
	case err != nil:
		return info, fmt.Errorf("read what Slipway runs in %s: %w", dataDir, err)
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return info, fmt.Errorf("%s in %s is damaged: %w", infoFile, dataDir, err)
	}
	return info, nil
}

// errLocked tells that another daemon has the data directory.
var errLocked = errors.New("another Slipway runs")

// lock makes this process the only daemon of a data directory. The lock goes with the last process that has
// the file: one that takes over gets it with the rest.
func lock(dataDir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dataDir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%w in %s: use it, replace it with \"slipway restart\", or stop it with \"slipway down --data-dir %s\"", errLocked, dataDir, dataDir)
	}
	if err := sign(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sign writes into the lock that this process has it.
func sign(lock *os.File) error {
	pid := []byte(strconv.Itoa(os.Getpid()))
	if _, err := lock.WriteAt(pid, 0); err != nil {
		return fmt.Errorf("lock the data directory: %w", err)
	}
	return lock.Truncate(int64(len(pid)))
}

// Running returns the process id of the daemon that runs in a data directory, 0 for none.
func Running(dataDir string) (int, error) {
	f, err := os.Open(filepath.Join(dataDir, "lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find out whether Slipway runs: %w", err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err == nil {
		return 0, nil // nobody has it
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return 0, fmt.Errorf("find the process of Slipway: %w", err)
	}
	return strconv.Atoi(string(data))
}
