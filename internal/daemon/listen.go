package daemon

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"
)

// door is a listener of the daemon.
type door struct {
	name    string // in units of systemd, and between two daemons
	what    string // is reached there
	setting string // that names the address
	address string // as configured; "" for none
	to      *net.Listener
}

func (d *Daemon) doors() []door {
	c := &d.config
	return []door{
		{"api", "the API", "--api-listen", c.APIListen, &d.api},
		{"http", "applications", "--http-listen", c.HTTPListen, &d.http},
		{"https", "applications over TLS", "--https-listen", c.HTTPSListen, &d.https},
		{"private", "private applications", "private-listen", c.PrivateListen, &d.private},
		{"metrics", "Prometheus", "metrics-listen", c.MetricsListen, &d.scrapes},
	}
}

// inherited is a listener that another process opened.
type inherited struct {
	net.Listener
	// Address is what it was opened for; "" if whoever opened it decides, as systemd does.
	Address string
}

// listen opens the listeners, or takes those that were inherited. One that was opened for an address that
// the configuration has no more is closed.
func (d *Daemon) listen() (err error) {
	given, err := d.activated()
	if err != nil {
		return err
	}
	maps.Copy(given, d.handed)
	d.handed, d.fixed = nil, map[string]bool{}
	for _, door := range d.doors() {
		l, ok := given[door.name]
		if ok && (l.Address == "" || l.Address == door.address) {
			*door.to, d.fixed[door.name] = l.Listener, l.Address == ""
			delete(given, door.name)
			continue
		}
		if door.address == "" {
			continue
		}
		if *door.to, err = net.Listen("tcp", door.address); err != nil {
			return fmt.Errorf("listen for %s: %w. Choose another address with %s", door.what, err, door.setting)
		}
	}
	for _, l := range given {
		_ = l.Close()
	}
	return nil
}

// The first file that systemd passes to a service that it activates, see sd_listen_fds(3).
const firstActivated = 3

// activated returns the listeners that systemd opened for this process.
func (d *Daemon) activated() (map[string]inherited, error) {
	found := map[string]inherited{}
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name) // not for the programs that this one starts
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return found, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return nil, fmt.Errorf("read LISTEN_FDS: %w", err)
	}
	for i, name := range strings.Split(names, ":") {
		if i >= n {
			break
		}
		l, err := listenerOf(os.NewFile(uintptr(firstActivated+i), name))
		if err != nil {
			return nil, fmt.Errorf("take the socket %q from systemd: %w", name, err)
		}
		if !d.isDoor(name) {
			return nil, errors.Join(fmt.Errorf("systemd passes a socket named %q: its unit needs FileDescriptorName= api, http, https, private or metrics", name), l.Close())
		}
		found[name] = inherited{Listener: l}
	}
	return found, nil
}

func (d *Daemon) isDoor(name string) bool {
	for _, door := range d.doors() {
		if door.name == name {
			return true
		}
	}
	return false
}

// listenerOf makes a listener of a file, which it closes.
func listenerOf(f *os.File) (net.Listener, error) {
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	if _, ok := l.(*net.TCPListener); !ok {
		return nil, errors.Join(fmt.Errorf("%s is not a TCP socket", l.Addr()), l.Close())
	}
	return l, nil
}

// again is another listener on the same socket: closing it leaves the socket open.
func again(l net.Listener) (net.Listener, error) {
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return nil, fmt.Errorf("share the listener of %s: %w", l.Addr(), err)
	}
	return listenerOf(f)
}
