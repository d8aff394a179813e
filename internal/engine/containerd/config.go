package containerd

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"
)

// namespace is the one that all our objects live in; each data directory has its own containerd.
const namespace = "slipway"

// unused are containerd's plugins that Slipway has no use for. Without them it starts faster,
// needs less memory and has less to attack.
var unused = []string{
	"io.containerd.cri.v1.images",
	"io.containerd.cri.v1.runtime",
	"io.containerd.grpc.v1.cri",
	"io.containerd.podsandbox.controller.v1.podsandbox",
	"io.containerd.nri.v1.nri",
	"io.containerd.differ.v1.erofs",
	"io.containerd.image-verifier.v1.bindir",
	"io.containerd.internal.v1.opt",
	"io.containerd.internal.v1.tracing",
	"io.containerd.metrics.v1.grpc-prometheus",
	"io.containerd.monitor.container.v1.restart",
	"io.containerd.monitor.task.v1.cgroups",
	"io.containerd.mount-handler.v1.erofs",
	"io.containerd.snapshotter.v1.blockfile",
	"io.containerd.snapshotter.v1.btrfs",
	"io.containerd.snapshotter.v1.devmapper",
	"io.containerd.snapshotter.v1.erofs",
	"io.containerd.snapshotter.v1.native",
	"io.containerd.snapshotter.v1.zfs",
	"io.containerd.tracing.processor.v1.otlp",
}

// daemonConfig is the part of containerd's configuration (version 4) that we set.
type daemonConfig struct {
	Version  int            `toml:"version"`
	Root     string         `toml:"root"`
	State    string         `toml:"state"`
	Temp     string         `toml:"temp"`
	Disabled []string       `toml:"disabled_plugins"`
	Imports  []string       `toml:"imports"`
	Debug    map[string]any `toml:"debug"`
	Plugins  map[string]any `toml:"plugins"`
}

// config renders the configuration of the containerd of this data directory.
func (p paths) config() ([]byte, error) {
	c := daemonConfig{
		Version:  4,
		Root:     p.file("root"),
		State:    p.file("state"),
		Temp:     p.file("tmp"),
		Disabled: unused,
		Imports:  []string{}, // nothing from /etc/containerd
		Debug:    map[string]any{"level": "warn"},
		Plugins: map[string]any{
			"io.containerd.server.v1.grpc":  map[string]any{"address": p.socket()},
			"io.containerd.server.v1.ttrpc": map[string]any{"address": p.socket() + ".ttrpc"},
			"io.containerd.shim.v1.manager": map[string]any{"socket_dir": filepath.Join(p.run, "s")},
		},
	}
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(c); err != nil {
		return nil, fmt.Errorf("render containerd's configuration: %w", err)
	}
	return b.Bytes(), nil
}
