package daemon

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/build/buildkit"
	"github.com/slipway-run/slipway/internal/build/plan"
)

// BuildConfig is what builds of source code may use, and what they find.
type BuildConfig struct {
	CPUs        float64       `yaml:"cpus"`        // of all builds; 0 for all there are
	Memory      Size          `yaml:"memory"`      // of all builds; 0 for half of the machine's
	Processes   int64         `yaml:"processes"`   // and threads, of all builds
	Disk        Size          `yaml:"disk"`        // of all builds and caches
	KeepCache   Size          `yaml:"keep-cache"`  // of caches
	Timeout     time.Duration `yaml:"timeout"`     // of one build
	Concurrency int           `yaml:"concurrency"` // builds at once; the others wait
	IdleStop    time.Duration `yaml:"idle-stop"`   // after which BuildKit ends
	// CABundle is a file of certificates that commands trust: "" for that of the machine, "none" for
	// none beyond those of the image.
	CABundle string `yaml:"ca-bundle"`
	// Env is variables of all commands, such as GOPROXY. They are never in an image.
	Env map[string]string `yaml:"env"`
	// Catalogue is the file with this site's runtime images; by default runtimes.yaml in the data
	// directory.
	Catalogue string `yaml:"catalogue"`
	// AllowEndedRuntimes takes new services on runtimes that App Runner has ended.
	AllowEndedRuntimes bool `yaml:"allow-ended-runtimes"`
}

func defaultBuild() BuildConfig {
	return BuildConfig{
		Processes: 8192, Disk: 30 << 30, KeepCache: 12 << 30, Timeout: 30 * time.Minute,
		Concurrency: max(runtime.NumCPU()/4, 1), IdleStop: 5 * time.Minute,
	}
}

// limits are those that the builder keeps.
func (c BuildConfig) limits() buildkit.Limits {
	memory := int64(c.Memory)
	var machine unix.Sysinfo_t
	if memory == 0 && unix.Sysinfo(&machine) == nil {
		memory = int64(machine.Totalram) * int64(machine.Unit) / 2
	}
	return buildkit.Limits{
		Concurrency: c.Concurrency, CPUs: c.CPUs, Memory: memory, Pids: c.Processes, Disk: int64(c.Disk), KeepCache: int64(c.KeepCache),
		Timeout: c.Timeout, IdleStop: c.IdleStop,
	}
}

func (c BuildConfig) bundle() string {
	switch c.CABundle {
	case "":
		return buildkit.Bundle(os.Getenv)
	case "none":
		return ""
	default:
		return c.CABundle
	}
}

// quiet keeps package managers from writing what nobody needs into deployment logs.
var quiet = map[string]string{
	"PIP_ROOT_USER_ACTION": "ignore", "PIP_PROGRESS_BAR": "off", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
	"NPM_CONFIG_FUND": "false", "NPM_CONFIG_UPDATE_NOTIFIER": "false",
}

func (c BuildConfig) variables() []plan.Variable {
	env := maps.Clone(quiet)
	maps.Copy(env, c.Env)
	var all []plan.Variable
	for _, name := range slices.Sorted(maps.Keys(env)) {
		all = append(all, plan.Variable{Name: name, Value: env[name]})
	}
	return all
}

// validate says what cannot work.
func (c BuildConfig) validate() (errs []error) {
	for name, bad := range map[string]bool{
		"build.cpus": c.CPUs < 0, "build.memory": c.Memory != 0 && c.Memory < 64<<20, "build.processes": c.Processes < 16,
		"build.disk": c.Disk < 1<<30, "build.keep-cache": c.KeepCache < 0 || c.KeepCache > c.Disk,
		"build.timeout": c.Timeout <= 0, "build.concurrency": c.Concurrency < 1, "build.idle-stop": c.IdleStop <= 0,
	} {
		if bad {
			errs = append(errs, fmt.Errorf("%s is too small, or more than build.disk", name))
		}
	}
	if c.CABundle != "" && c.CABundle != "none" {
		if _, err := os.Stat(c.CABundle); err != nil {
			errs = append(errs, fmt.Errorf("build.ca-bundle: %w", err))
		}
	}
	return errs
}
