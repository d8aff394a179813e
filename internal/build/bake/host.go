package bake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// Problem is something that this machine lacks for baking.
type Problem struct {
	What string // is missing
	Fix  string // what to do
}

// keyring has the keys of every release of Debian.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// tools are the programs that a bake runs, and the Debian package of each.
var tools = [][2]string{
	{"apt-get", "apt"}, {"mmdebstrap", "mmdebstrap"}, {"unshare", "util-linux"}, {"chroot", "coreutils"},
}

// Missing tells what this machine lacks. Nothing of it is needed for what is in the cache already.
func Missing() []Problem {
	var all []Problem
	if os.Geteuid() != 0 {
		all = append(all, Problem{"making runtime images needs root", "run it with sudo"})
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool[0]); err != nil {
			all = append(all, Problem{tool[0] + " is not installed", "apt-get install " + tool[1]})
		}
	}
	if _, err := os.Stat(keyring); err != nil {
		all = append(all, Problem{"the keys of Debian's archive are not installed", "apt-get install debian-archive-keyring"})
	}
	return all
}

// Mirror is where Debian's packages come from.
type Mirror struct {
	Main     string // such as http://deb.debian.org/debian
	Security string // such as http://deb.debian.org/debian-security
}

// DefaultMirror is the mirror that the machine's own apt uses, or Debian's.
func DefaultMirror(ctx context.Context) Mirror {
	m := Mirror{Main: "http://deb.debian.org/debian", Security: "http://deb.debian.org/debian-security"}
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages").Output()
	if err != nil {
		return m // no Debian
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if label, uri, ok := strings.Cut(strings.TrimSpace(line), " "); ok && found[label] == "" {
			found[label] = strings.TrimSuffix(uri, "/")
		}
	}
	if found["Debian"] != "" {
		m.Main = found["Debian"]
		m.Security = found["Debian-Security"] // none is better than one that cannot be reached
	}
	return m
}

// lines are the lines of sources.list for a suite.
func (m Mirror) lines(name string, suite Suite) []string {
	lines := []string{fmt.Sprintf("deb %s %s main", m.Main, name)}
	if suite.Updates {
		lines = append(lines, fmt.Sprintf("deb %s %s-updates main", m.Main, name))
	}
	if suite.Security && m.Security != "" {
		lines = append(lines, fmt.Sprintf("deb %s %s-security main", m.Security, name))
	}
	return lines
}

// reaching matches the settings of apt that tell how a mirror is reached.
var reaching = regexp.MustCompile(`^Acquire::((http|https|ftp)::|Retries|Check-|ForceIPv|Max-)`)

// aptSettings are the settings of the machine's own apt that tell how a mirror is reached: proxies,
// certificates, clocks.
func aptSettings(ctx context.Context) []string {
	out, err := exec.CommandContext(ctx, "apt-config", "dump", "--format", `%F "%v";%n`, "Acquire").Output()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(string(out)), "\n"), func(line string) bool {
		return !reaching.MatchString(line) || strings.HasSuffix(line, ` "";`)
	})
}

// complaints are the lines in which apt, dpkg, mmdebstrap and the shell say why they failed.
var complaints = regexp.MustCompile(`(?m)^(E: |Err:|dpkg: error|mount: |sh: |chroot: | +\d+  ).*$`)

// failed makes an error of what a program printed before it failed.
func failed(err error, output []byte) error {
	if quit, ok := errors.AsType[*exec.ExitError](err); !ok || quit == nil {
		return err
	}
	found := complaints.FindAll(output, -1)
	if len(found) == 0 {
		lines := bytes.Split(bytes.TrimSpace(output), []byte("\n"))
		found = lines[max(0, len(lines)-5):]
	}
	return fmt.Errorf("%w: %s", err, bytes.Join(found[:min(len(found), 5)], []byte("; ")))
}
