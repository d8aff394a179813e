package buildkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"github.com/slipway-run/slipway/internal/build/room"
)

type table = map[string]any

// writeConfig writes the configuration of BuildKit into its room. It takes definitions of builds alone:
// its front ends, which would download others, are off.
func (s *server) writeConfig(place room.Room) (string, error) {
	network, err := writeNetwork(place)
	if err != nil {
		return "", err
	}
	var dns []string
	for _, a := range place.DNS {
		dns = append(dns, a.String())
	}
	off := table{"enabled": false}
	config := table{
		"root":             stateDir(place),
		"log":              table{"level": "warn"},
		"grpc":             table{"address": []string{"unix://" + socket(place)}},
		"otel":             table{"socketPath": traces(place)},
		"cdi":              table{"disabled": true},
		"dns":              table{"nameservers": dns},
		"history":          table{"maxEntries": 1},
		"frontend":         table{"dockerfile.v0": off, "gateway.v0": off},
		"worker":           table{"containerd": off, "oci": s.worker(place, network)},
		"provenanceEnvDir": filepath.Join(place.Dir, "none"),
	}
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(config); err != nil {
		return "", fmt.Errorf("write BuildKit's configuration: %w", err)
	}
	path := filepath.Join(place.Dir, "buildkitd.toml")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return "", fmt.Errorf("write BuildKit's configuration: %w", err)
	}
	return path, nil
}

func (s *server) worker(place room.Room, network string) table {
	keep := s.opts.Limits.KeepCache
	return table{
		"enabled": true, "snapshotter": "overlayfs",
		"binary":              filepath.Join(s.opts.BinDir, "runc"),
		"defaultCgroupParent": place.Steps,
		"max-parallelism":     parallelism(),
		"networkMode":         "cni", "cniConfigPath": network,
		"cniBinaryPath": filepath.Join(s.opts.BinDir, "cni"), "cniPoolSize": parallelism(),
		"gc": true,
		"gcpolicy": []table{
			// Sources that can be had again go first.
			{"filters": []string{"type==source.local,type==exec.cachemount,type==source.git.checkout"}, "keepDuration": "168h", "maxUsedSpace": keep / 2},
			{"all": true, "reservedSpace": keep / 2, "maxUsedSpace": keep, "minFreeSpace": s.opts.Limits.Disk / 5},
		},
	}
}

// writeNetwork describes the network of one step: a bridge in the room, whose ports do not see each
// other. What passes beyond the bridge is for the room to decide.
func writeNetwork(place room.Room) (string, error) {
	leases := filepath.Join(place.Dir, "addresses")
	// Nobody has an address yet: steps of an earlier run have ended with it.
	if err := errors.Join(os.RemoveAll(leases), os.MkdirAll(leases, 0o700)); err != nil {
		return "", fmt.Errorf("prepare the network of builds: %w", err)
	}
	b, err := json.Marshal(table{
		"cniVersion": "1.0.0", "name": "build",
		"plugins": []table{{
			"type": "bridge", "bridge": place.Bridge, "isDefaultGateway": true, "portIsolation": true, "mtu": place.MTU,
			"ipam": table{
				"type": "host-local", "dataDir": leases, "ranges": [][]table{{{"subnet": place.Subnet.String()}}},
			},
		}},
	})
	if err != nil {
		return "", fmt.Errorf("describe the network of builds: %w", err)
	}
	path := filepath.Join(place.Dir, "network.conflist")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return "", fmt.Errorf("describe the network of builds: %w", err)
	}
	return path, nil
}
