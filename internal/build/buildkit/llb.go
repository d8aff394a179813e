package buildkit

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-run/slipway/internal/build/plan"
)

// The names by which BuildKit asks this process for what a build begins from.
const (
	sourceName = "source"
	basesName  = "bases"
)

// step is a command, by the id that BuildKit's progress carries.
type step struct {
	phase  plan.Phase
	script string
}

// target is a state that has to be reached. The last one that ships is the image.
type target struct {
	state llb.State
	ship  bool
}

// conversion turns a plan into BuildKit's terms.
type conversion struct {
	bases  *bases
	scope  string
	files  map[string]llb.State     // of stages that are done
	config map[string]ocispec.Image // of the image that a stage goes back to
	source llb.State
	steps  map[string]step
}

// convert returns the states to reach, in order, and the configuration of the image.
func (c *conversion) convert(p *plan.Plan) ([]target, []byte, error) {
	c.files, c.config = map[string]llb.State{}, map[string]ocispec.Image{}
	c.source = localSource(c.scope, nil)
	used := map[string]bool{}
	var shipped string
	for _, s := range p.Stages {
		if err := c.stage(s); err != nil {
			return nil, nil, err
		}
		used[s.Stage] = true
		for _, copied := range s.Copies {
			used[copied.Stage] = true
		}
		if s.Ship {
			shipped = s.Name
		}
	}
	if shipped == "" {
		return nil, nil, errors.New("no stage of the plan is the image")
	}
	var targets []target
	for _, s := range p.Stages {
		if s.Ship || !used[s.Name] {
			targets = append(targets, target{c.files[s.Name], s.Ship})
		}
	}
	config, err := imageConfig(c.config[shipped], p.Image)
	return targets, config, err
}

// localSource is the repository, without what Git keeps of its past. Only what changed since the last
// build of the same scope is sent.
func localSource(scope string, exclude []string) llb.State {
	return llb.Local(sourceName,
		llb.ExcludePatterns(append([]string{".git", "**/.git"}, exclude...)),
		llb.SharedKeyHint(scope), llb.WithCustomName("source code"))
}

func (c *conversion) stage(s plan.Stage) error {
	state, err := c.begin(s)
	if err != nil {
		return err
	}
	for _, copied := range s.Copies {
		from := c.source
		if copied.Stage != "" {
			var ok bool
			if from, ok = c.files[copied.Stage]; !ok {
				return fmt.Errorf("stage %q copies from %q, which is no earlier stage", s.Name, copied.Stage)
			}
		}
		state = state.File(llb.Copy(from, copied.From, copied.To, &llb.CopyInfo{
			CopyDirContentsOnly: true, CreateDestPath: true, AllowEmptyWildcard: true,
		}), llb.WithCustomName("copying source code"))
	}
	state = state.Dir(s.Dir)
	for _, v := range s.Env {
		state = state.AddEnv(v.Name, v.Value)
	}
	for _, command := range s.Commands {
		state = c.run(state, command)
	}
	c.files[s.Name] = state
	return nil
}

// begin returns a stage without any command: the files of what it begins from, and the settings of the
// image that those go back to. What an earlier stage set for its commands is not inherited.
func (c *conversion) begin(s plan.Stage) (llb.State, error) {
	state, config := llb.Scratch(), ocispec.Image{}
	switch {
	case s.Stage != "":
		earlier, ok := c.files[s.Stage]
		if !ok {
			return state, fmt.Errorf("stage %q begins from %q, which is no earlier stage", s.Name, s.Stage)
		}
		state, config = llb.NewState(earlier.Output()), c.config[s.Stage]
	default:
		found, err := c.bases.get(s.From)
		if err != nil {
			return state, err
		}
		state = llb.OCILayout(found.reference(), llb.OCIStore("", basesName), llb.WithCustomName("base image "+s.From))
		if err := json.Unmarshal(found.config, &config); err != nil {
			return state, fmt.Errorf("read the configuration of image %q: %w", s.From, err)
		}
	}
	for _, v := range config.Config.Env {
		name, value, _ := strings.Cut(v, "=")
		state = state.AddEnv(name, value)
	}
	if config.Config.User != "" {
		state = state.User(config.Config.User)
	}
	c.config[s.Name] = config
	return state, nil
}

// reference names the image for BuildKit, which looks at the digest alone.
func (b base) reference() string { return "slipway.invalid/base@" + b.digest.String() }

func (c *conversion) run(state llb.State, command plan.Command) llb.State {
	id := "step-" + strconv.Itoa(len(c.steps))
	c.steps[id] = step{command.Phase, command.Script}
	options := []llb.RunOption{
		llb.Args([]string{cmp.Or(command.Shell, "/bin/sh"), "-e", "-c", command.Script}),
		llb.WithCustomName(firstLine(command.Script)), llb.ProgressGroup(id, "", false),
	}
	for _, cache := range command.Caches {
		options = append(options, llb.AddMount(cache.Target, llb.Scratch(), llb.AsPersistentCacheDir(cache.Name, llb.CacheMountLocked)))
	}
	return state.Run(options...).Root()
}

func firstLine(text string) string {
	line, more, found := strings.Cut(strings.TrimSpace(text), "\n")
	if found && strings.TrimSpace(more) != "" {
		line += " …"
	}
	return line
}

// imageConfig is what the image says about itself: the base's environment and user, and the plan's rest.
func imageConfig(base ocispec.Image, want plan.Image) ([]byte, error) {
	image := ocispec.Image{Platform: platforms.DefaultSpec()}
	image.Config = ocispec.ImageConfig{
		User: base.Config.User, Env: base.Config.Env, WorkingDir: want.Dir, Cmd: want.Command, Labels: base.Config.Labels,
		StopSignal: base.Config.StopSignal,
	}
	for _, v := range want.Env {
		image.Config.Env = setEnv(image.Config.Env, v)
	}
	if want.Port > 0 {
		image.Config.ExposedPorts = map[string]struct{}{strconv.Itoa(want.Port) + "/tcp": {}}
	}
	image.RootFS.Type = "layers"
	return json.Marshal(image)
}

func setEnv(env []string, v plan.Variable) []string {
	out := make([]string, 0, len(env)+1)
	for _, each := range env {
		if !strings.HasPrefix(each, v.Name+"=") {
			out = append(out, each)
		}
	}
	return append(out, v.Name+"="+v.Value)
}
