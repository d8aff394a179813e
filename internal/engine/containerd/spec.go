package containerd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd/cgroup"
	"github.com/slipway-run/slipway/internal/engine/containerd/network"
)

const (
	cpuPeriod   = 100_000 // microseconds; the kernel's own default
	maxPIDs     = 4096    // processes and threads of one instance
	maxFiles    = 65536   // open files of one process
	runtimeName = "io.containerd.runc.v2"
	cpuUnit     = 1024 // one virtual CPU

	// oomScore makes the kernel end an instance before Slipway and what else the host runs,
	// when the host itself is out of memory.
	oomScore = 500
)

// capabilities are Docker's defaults without those that only help to attack the network or the
// host: MKNOD, NET_RAW (pings work without) and AUDIT_WRITE.
var capabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// runtime says how containerd makes the container of an instance: with our runc, and its state in our
// directory.
func (e *Engine) runtime(spec engine.Spec) (containers.RuntimeInfo, error) {
	opts, err := typeurl.MarshalAny(&options.Options{
		BinaryName: filepath.Join(e.opts.BinDir, runcFor(spec)),
		Root:       e.paths.file("runc"),
	})
	if err != nil {
		return containers.RuntimeInfo{}, fmt.Errorf("encode runtime options: %w", err)
	}
	return containers.RuntimeInfo{Name: runtimeName, Options: opts}, nil
}

// ociSpec renders what runc is to make.
func (e *Engine) ociSpec(ctx context.Context, spec engine.Spec, img image, c *containers.Container, ep network.Endpoint) (typeurl.Any, error) {
	dir := e.paths.instance(spec.ID)
	opts := []oci.SpecOpts{
		oci.WithImageConfigArgs(img, spec.Command),
		withCommand(spec.Command),
		oci.WithDefaultPathEnv, // the image's own replaces it
		oci.WithEnv(slices.Concat([]string{"HOSTNAME=" + hostname(spec.ID)}, img.config.Env, spec.Env)),
		oci.WithHostname(hostname(spec.ID)),
		oci.WithoutRunMount, // would hide what the image has there
		oci.WithMounts(dir.networkMounts()),
		oci.WithLinuxNamespace(specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: ep.Path}),
		oci.WithLinuxNamespace(specs.LinuxNamespace{Type: specs.CgroupNamespace}),
		oci.WithCgroup(e.groups.Child(spec.ID).Path()),
		oci.WithNoNewPrivileges,
		oci.WithCapabilities(capabilities),
		withLimits(spec, e.swap),
		oci.WithRlimit(&specs.POSIXRlimit{Type: "RLIMIT_NOFILE", Hard: min(e.nofile, maxFiles), Soft: min(e.nofile, maxFiles)}),
		seccomp.WithDefaultProfile(), // last: it looks at the capabilities
	}
	s, err := oci.GenerateSpec(namespaces.WithNamespace(ctx, namespace), e.client, c, opts...)
	if errors.Is(err, oci.ErrNoUsersFound) || errors.Is(err, oci.ErrNoGroupsFound) {
		return nil, engine.Errorf(engine.BadImage, "image %q wants to run as user %q, which its /etc/passwd or /etc/group does not name", spec.Image, img.config.User)
	}
	if err != nil {
		return nil, fmt.Errorf("describe container of instance %q: %w", spec.ID, err)
	}
	if len(s.Process.Args) == 0 || s.Process.Args[0] == "" {
		return nil, engine.Errorf(engine.BadCommand, "image %q has neither entrypoint nor command: set a start command", spec.Image)
	}
	any, err := typeurl.MarshalAny(s)
	if err != nil {
		return nil, fmt.Errorf("encode container of instance %q: %w", spec.ID, err)
	}
	return any, nil
}

// withCommand replaces the image's entrypoint and command.
func withCommand(command []string) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		if len(command) > 0 {
			s.Process.Args = slices.Clone(command)
		}
		return nil
	}
}

func withLimits(spec engine.Spec, swap bool) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		r := s.Linux.Resources
		r.CPU = &specs.LinuxCPU{Shares: new(max(uint64(spec.CPU), 2))}
		if !spec.Boost {
			r.CPU.Quota, r.CPU.Period = new(cpuQuota(spec.CPU)), new(uint64(cpuPeriod))
		}
		r.Memory = &specs.LinuxMemory{Limit: new(spec.Memory)}
		if swap {
			r.Memory.Swap = new(spec.Memory) // memory and swap together: no swap
		}
		r.Pids = &specs.LinuxPids{Limit: new(int64(maxPIDs))}
		s.Process.OOMScoreAdj = new(oomScore)
		return nil
	}
}

// cpuQuota is the processor time, in microseconds per cpuPeriod, of so many units. The kernel takes
// no less than a thousandth of a second.
func cpuQuota(units int) int64 { return max(int64(units)*cpuPeriod/cpuUnit, 1000) }

// canLimitSwap reports whether the kernel accounts for swap. Version 2 does, or has none.
func canLimitSwap(h cgroup.Hierarchy) bool {
	return h.Unified || unix.Access(filepath.Join(h.Roots["memory"], "memory.memsw.limit_in_bytes"), unix.F_OK) == nil
}

// fileLimit returns how many files the processes that pid starts may have open. To raise a limit
// needs a capability that even root may lack.
func fileLimit(pid int) (uint64, error) {
	var l unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &l); err != nil {
		return 0, fmt.Errorf("read limit of open files: %w", err)
	}
	return l.Max, nil
}

func hostname(id string) string { return id[:min(len(id), 12)] }

// commandError recognises what runc says of a command that cannot be executed.
func commandError(err error) error {
	msg := err.Error()
	_, after, ok := strings.Cut(msg, `exec: "`)
	if !ok {
		if i := strings.Index(msg, "exec "); i < 0 || !strings.Contains(msg[i:], "exec format error") {
			return nil
		}
	}
	name := "the command"
	if ok {
		if quoted, _, ok := strings.Cut(after, `"`); ok {
			name = fmt.Sprintf("command %q", quoted)
		}
	}
	// What runc says around it is of no use to the owner of the image.
	fail := func(code engine.Code, text string) error {
		return &engine.Error{Code: code, Message: name + " " + text, Err: err}
	}
	switch {
	case strings.Contains(msg, "executable file not found"), strings.Contains(msg, "no such file or directory"):
		return fail(engine.BadCommand, "does not exist in the image: correct the start command of the service, or the image's entrypoint and command")
	case strings.Contains(msg, "permission denied"):
		return fail(engine.BadCommand, "may not be executed (permission denied): make the file executable in the image with chmod +x, or set another start command")
	case strings.Contains(msg, "is a directory"):
		return fail(engine.BadCommand, "is a directory: set the start command to a program in it")
	case strings.Contains(msg, "exec format error"):
		return fail(engine.WrongArchitecture, "is not a program for this machine (exec format error): build it for linux/"+goruntime.GOARCH+", or begin a script with #! and its interpreter")
	}
	return nil
}
