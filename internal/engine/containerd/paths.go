package containerd

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// paths knows where everything of one data directory is.
type paths struct {
	key    string // names what cannot lie in the data directory
	data   string // the data directory, absolute and without symbolic links
	engine string // all that is the engine's
	run    string // sockets
}

// runRoot holds the sockets: their paths are limited to 107 bytes, which a data directory may
// exceed, and containerd wants to append 65 to the one of its shims.
const runRoot = "/run"

func newPaths(dataDir string) (paths, error) {
	abs, err := filepath.Abs(dataDir)
	if err != nil {
		return paths{}, fmt.Errorf("find data directory %q: %w", dataDir, err)
	}
	if err := os.MkdirAll(abs, 0o711); err != nil {
		return paths{}, fmt.Errorf("create data directory: %w", err)
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return paths{}, fmt.Errorf("find data directory %q: %w", dataDir, err)
	}
	sum := sha256.Sum256([]byte(real))
	key := hex.EncodeToString(sum[:4])
	return paths{
		key:    key,
		data:   real,
		engine: filepath.Join(real, "engine"),
		run:    filepath.Join(runRoot, "slipway-"+key),
	}, nil
}

func (p paths) file(name string) string { return filepath.Join(p.engine, name) }

func (p paths) socket() string    { return filepath.Join(p.run, "containerd.sock") }
func (p paths) instances() string { return p.file("instances") }
func (p paths) logs() string      { return p.file("logs") }
func (p paths) templates() string { return p.file("templates") }
func (p paths) netns() string     { return p.file("netns") }

// bundle is where containerd and the shim keep what they need of an instance while it runs.
func (p paths) bundle(id string) string {
	return filepath.Join(p.file("state"), "io.containerd.runtime.v2.task", namespace, id)
}

// cgroup is the path of the group that holds those of all instances.
func (p paths) cgroup() string { return "/slipway-" + p.key }

// engineGroup is the group of containerd, shims and log writers, beside those of instances, whose
// ids have no underscore.
const engineGroup = "_engine"

// instance is the directory of one instance.
func (p paths) instance(id string) instanceDir {
	return instanceDir(filepath.Join(p.instances(), id))
}

// create makes the directories. Only root may look inside.
func (p paths) create() error {
	for _, dir := range []string{p.engine, p.run, p.instances(), p.logs(), p.templates(), p.netns()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("create engine directory: %w", err)
		}
	}
	return p.claimRun()
}

// claimRun notes whose directory of sockets this is. Two data directories with the same key are
// next to impossible, but they would pull down each other's instances.
func (p paths) claimRun() error {
	file := filepath.Join(p.run, "data-dir")
	b, err := os.ReadFile(file)
	if err == nil && string(b) != p.data {
		return fmt.Errorf("data directory %q has the same key %s as %q: use another path", p.data, p.key, b)
	}
	if err == nil {
		return nil
	}
	return writeFile(file, []byte(p.data))
}

// writeFile replaces a file at once or not at all.
func writeFile(path string, data []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}
