package bake

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/klauspost/compress/zstd"
)

//go:embed inside.sh
var insideScript string

// dir is the directory of a layer that is finished.
func (r *run) dir(l *layer) string { return filepath.Join(r.Dir, "layers", l.key()) }

// layer makes a layer, unless it is there.
func (r *run) layer(ctx context.Context, l *layer) error {
	return r.once(r.layers, l.key(), func() error {
		if _, err := os.Stat(r.dir(l)); err == nil {
			return nil
		}
		if l.below != nil {
			for _, below := range l.below.chain() {
				if err := r.layer(ctx, below); err != nil {
					return err
				}
				if err := r.unpacked(ctx, below); err != nil {
					return err
				}
			}
			if err := r.update(ctx, l.below.chain()[0]); err != nil {
				return err
			}
		}
		release, err := r.slot(ctx)
		if err != nil {
			return err
		}
		defer release()
		return r.make(ctx, l)
	})
}

// make makes a layer in a temporary directory, which becomes that of the layer when it is complete.
func (r *run) make(ctx context.Context, l *layer) error {
	begin := time.Now()
	r.Say("%s …", l.name)
	tmp := filepath.Join(r.Dir, "tmp", l.key())
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return err
	}
	fill := r.files
	switch {
	case l.below != nil:
		fill = r.packages
	case l.SuiteName != "":
		fill = r.debian
	}
	if err := fill(ctx, l, tmp); err != nil {
		return err
	}
	size, err := seal(tmp, r.began)
	if err != nil {
		return err
	}
	for _, scrap := range []string{"work", "root", "cache", "apt.conf"} {
		if err := os.RemoveAll(filepath.Join(tmp, scrap)); err != nil {
			return err
		}
	}
	if err := os.Rename(tmp, r.dir(l)); err != nil {
		return err
	}
	r.Say("%s: %.1f s, %d MB", l.name, time.Since(begin).Seconds(), size>>20)
	return nil
}

// debian fills the lowest layer.
func (r *run) debian(ctx context.Context, l *layer, tmp string) error {
	files := filepath.Join(tmp, "files")
	args := []string{
		"--mode=root", "--variant=minbase", "--format=directory", "--keyring=" + keyring,
		"--architectures=" + runtime.GOARCH, "--include=" + strings.Join(l.Packages, ","),
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-include=/usr/share/doc/*/copyright", "--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=force-unsafe-io", // in builds too: nobody keeps half an image
	}
	for _, setting := range append(r.settings, `Acquire::Languages "none";`) {
		args = append(args, "--aptopt="+setting)
	}
	args = append(append(args, l.SuiteName, files), r.Mirror.lines(l.SuiteName, l.Suite)...)
	if err := r.inside(ctx, tmp, `exec mmdebstrap "$@"`, nil, args...); err != nil {
		return r.blame(l, err)
	}
	for _, leak := range []string{"etc/apt/apt.conf.d/99mmdebstrap", "etc/hostname", "etc/resolv.conf", "etc/machine-id"} {
		if err := os.RemoveAll(filepath.Join(files, leak)); err != nil {
			return err
		}
	}
	if err := forgetLogs(files); err != nil {
		return err
	}
	for _, scrap := range []string{"var/cache/ldconfig/aux-cache", "var/lib/apt/lists/lock", "var/cache/apt/archives/lock", "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-"} {
		if err := os.RemoveAll(filepath.Join(files, scrap)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(files, "usr/local/bin/yum"), []byte(l.Yum), 0o755); err != nil {
		return err
	}
	return os.Symlink("yum", filepath.Join(files, "usr/local/bin/dnf"))
}

// forgetLogs deletes the files in /var/log of an image: they tell when it was made.
func forgetLogs(files string) error {
	root, err := os.OpenRoot(files)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), "var/log", func(file string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			err = root.Remove(file)
		}
		return err
	})
}

// packages fills a layer with packages, on the layers below.
func (r *run) packages(ctx context.Context, l *layer, tmp string) error {
	err := r.overlay(ctx, tmp, l.below.chain(), map[string]string{
		"do": "install", "packages": strings.Join(l.Packages, " "), "setup": l.Setup, "lists": "../lists-" + l.SuiteName,
	})
	if err != nil {
		return r.blame(l, err)
	}
	return nil
}

// update brings the lists of the packages of a suite, once.
func (r *run) update(ctx context.Context, base *layer) error {
	return r.once(r.lists, base.SuiteName, func() error {
		tmp := filepath.Join(r.Dir, "tmp", "update-"+base.SuiteName)
		if err := os.MkdirAll(filepath.Join(r.Dir, "tmp", "lists-"+base.SuiteName, "partial"), 0o755); err != nil {
			return err
		}
		if err := r.overlay(ctx, tmp, []*layer{base}, map[string]string{"do": "update", "lists": "../lists-" + base.SuiteName}); err != nil {
			return r.blame(base, err)
		}
		return os.RemoveAll(tmp)
	})
}

// overlay runs the script on layers, with tmp as its directory.
func (r *run) overlay(ctx context.Context, tmp string, below []*layer, variables map[string]string) error {
	for _, dir := range []string{"files", "work", "root", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(tmp, dir), 0o755); err != nil {
			return err
		}
	}
	var lower []string
	for _, l := range below {
		lower = append([]string{"../../layers/" + l.key() + "/files"}, lower...) // the topmost first
	}
	env := []string{
		"lower=" + strings.Join(lower, ":"), "upper=files", "work=work", "root=root", "cache=cache", "packages=", "setup=", "environment=",
	}
	for name, value := range variables {
		env = append(env, name+"="+value)
	}
	if err := r.configure(tmp); err != nil {
		return err
	}
	return r.inside(ctx, tmp, insideScript, env)
}

// configure writes the configuration of the host's apt for work in an overlay.
func (r *run) configure(tmp string) error {
	root, err := filepath.Abs(filepath.Join(tmp, "root"))
	if err != nil {
		return err
	}
	text := fmt.Sprintf(`Dir %q;
Dir::Bin::methods "/usr/lib/apt/methods";
Dir::Bin::solvers:: "/usr/lib/apt/solvers";
DPkg::Chroot-Directory %q;
DPkg::Options:: "--force-unsafe-io";
DPkg::Use-Pty "false";
APT::Install-Recommends "false";
APT::Architecture %q;
APT::Sandbox::User "root";
Acquire::Languages "none";
%s
`, root, root, runtime.GOARCH, strings.Join(r.settings, "\n"))
	return os.WriteFile(filepath.Join(tmp, "apt.conf"), []byte(text), 0o600)
}

// inside runs a script in a mount and process namespace of its own, which ends with this process.
func (r *run) inside(ctx context.Context, dir, script string, env []string, args ...string) error {
	runtime.LockOSThread() // the signal of death is that of the thread
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, "unshare", append([]string{
		"--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-eu", "-c", script, "sh",
	}, args...)...)
	tmp, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	cmd.Dir = tmp
	cmd.Env = append(append(os.Environ(), env...),
		"APT_CONFIG="+filepath.Join(tmp, "apt.conf"), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "TMPDIR="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	if len(args) > 0 { // mmdebstrap has its own
		cmd.Env = append(cmd.Env, "APT_CONFIG=")
	}
	output, err := cmd.CombinedOutput()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	if err != nil {
		return failed(err, output)
	}
	return nil
}

// blame says where packages were to come from.
func (r *run) blame(l *layer, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf(`install %s of Debian %s from %s: %w. "--mirror" names another mirror, "--suite" another release`,
		strings.Join(l.Packages, " "), l.SuiteName, r.Mirror.Main, err)
}

// files fills a layer with what is in archives.
func (r *run) files(ctx context.Context, l *layer, tmp string) error {
	if len(l.Archives) > 0 && runtime.GOARCH != "amd64" {
		return fmt.Errorf("the archives of this recipe are for amd64, and this machine is %s", runtime.GOARCH)
	}
	root := filepath.Join(tmp, "files")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	for _, a := range l.Archives {
		file := filepath.Join(tmp, "archive")
		if err := errors.Join(a.fetch(ctx, file)); err != nil {
			return err
		}
		if err := errors.Join(a.unpack(file, root), os.Remove(file)); err != nil {
			return err
		}
	}
	return link(root, l.Links)
}

// unpacked unpacks a finished layer again, so that others can lie on it.
func (r *run) unpacked(ctx context.Context, l *layer) error {
	return r.once(r.layers, l.key()+" unpacked", func() error {
		files := filepath.Join(r.dir(l), "files")
		if _, err := os.Stat(files); err == nil {
			return nil
		}
		f, err := os.Open(filepath.Join(r.dir(l), sealed))
		if err != nil {
			return err
		}
		defer f.Close()
		plain, err := zstd.NewReader(f)
		if err != nil {
			return err
		}
		defer plain.Close()
		tmp := filepath.Join(r.Dir, "tmp", l.key()+"-files")
		if err := os.MkdirAll(tmp, 0o755); err != nil {
			return err
		}
		if _, err := archive.Apply(ctx, tmp, plain, archive.WithConvertWhiteout(archive.OverlayConvertWhiteout)); err != nil {
			return fmt.Errorf("unpack %s: %w", l.name, err)
		}
		return os.Rename(tmp, files)
	})
}
