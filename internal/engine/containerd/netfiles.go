package containerd

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// publicNameServers are used when the host has none that an instance could reach.
var publicNameServers = []netip.Addr{netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("8.8.8.8")}

// nameServers returns those of the host that are reachable from elsewhere. A loopback address is
// a local resolver; where that is systemd's, its own configuration names the real ones.
func nameServers() []netip.Addr {
	for _, file := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if servers := parseNameServers(string(b)); len(servers) > 0 {
			return servers
		}
	}
	return publicNameServers
}

func parseNameServers(text string) []netip.Addr {
	var servers []netip.Addr
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		// Instances have no version 6.
		a, err := netip.ParseAddr(fields[1])
		if err == nil && a.Is4() && !a.IsLoopback() && !a.IsUnspecified() {
			servers = append(servers, a)
		}
	}
	return servers
}

// networkFiles are laid over the image's, which know nothing of where they run.
var networkFiles = []string{"resolv.conf", "hosts", "hostname"}

func (d instanceDir) writeNetworkFiles(id string, address netip.Addr, dns []netip.Addr) error {
	var resolv strings.Builder
	for _, a := range dns {
		fmt.Fprintf(&resolv, "nameserver %s\n", a)
	}
	name := hostname(id)
	for file, text := range map[string]string{
		"resolv.conf": resolv.String(),
		"hosts":       "127.0.0.1\tlocalhost\n" + address.String() + "\t" + name + "\n",
		"hostname":    name + "\n",
	} {
		// Read by whichever user the application runs as.
		if err := os.WriteFile(d.file(file), []byte(text), 0o644); err != nil {
			return fmt.Errorf("write network files of instance %q: %w", id, err)
		}
	}
	return nil
}

func (d instanceDir) networkMounts() []specs.Mount {
	mounts := make([]specs.Mount, 0, len(networkFiles))
	for _, name := range networkFiles {
		mounts = append(mounts, specs.Mount{
			Destination: "/etc/" + name, Type: "bind", Source: d.file(name),
			Options: []string{"bind", "ro", "nosuid", "nodev", "noexec"},
		})
	}
	return mounts
}
