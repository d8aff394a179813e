package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// docker is a Docker daemon of the benchmark's own, with its own data and no bridge: containers use
// the host's network, which spares Docker the work that Slipway does for every instance.
type docker struct {
	b      *testing.B
	socket string
}

func startDocker(b *testing.B) *docker {
	b.Helper()
	if _, err := exec.LookPath("dockerd"); err != nil {
		b.Skip("there is no dockerd to compare with: apt-get install docker.io")
	}
	dir, err := os.MkdirTemp("", "dk")
	if err != nil {
		b.Fatal(err)
	}
	d := &docker{b: b, socket: "unix://" + filepath.Join(dir, "docker.sock")}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	daemon := exec.Command("dockerd", "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "-H", d.socket,
		"--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false")
	daemon.Stdout, daemon.Stderr = log, log
	if err := daemon.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
		_ = log.Close()
		_ = syscall.Unmount(filepath.Join(dir, "exec/netns/default"), 0) // dockerd leaves it
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); d.command("version").Run() != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("dockerd does not answer")
		}
	}
	return d
}

func (d *docker) command(args ...string) *exec.Cmd {
	cmd := exec.Command("docker", append([]string{"-H", d.socket}, args...)...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=1") // releases before 23 build without it otherwise
	return cmd
}

func (d *docker) run(args ...string) {
	d.b.Helper()
	if out, err := d.command(args...).CombinedOutput(); err != nil {
		d.b.Fatal(fmt.Errorf("docker %v: %w\n%s", args, err, out))
	}
}
