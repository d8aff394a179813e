package fleet

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

// instanceSpec says what the engine runs for an instance of a revision.
func instanceSpec(id string, service apprunner.Service, r apprunner.Revision) engine.Spec {
	spec := engine.Spec{
		ID:      id,
		Labels:  map[string]string{labelService: service.ID, labelRevision: r.ID},
		Image:   r.Image,
		Command: command(r.Spec.Image),
		Env:     environment(r.Spec.Image),
		Secrets: secrets(r),
		CPU:     r.Spec.Instance.CPU,
		Boost:   true, // App Runner gives a start all the CPU there is
		Memory:  int64(r.Spec.Instance.Memory) << 20,
		Disk:    apprunner.EphemeralDisk,
	}
	if r.Spec.Observability.Traces() {
		spec.Forward = []int{apprunner.TracePort}
	}
	return spec
}

// environment is the variables of the application. The injected PORT wins over one of the user.
func environment(image apprunner.Image) []string {
	variables := maps.Clone(image.Variables)
	if variables == nil {
		variables = map[string]string{}
	}
	for _, name := range slices.Concat(image.PortVariables, []string{"PORT"}) {
		variables[name] = strconv.Itoa(image.Port)
	}
	env := make([]string, 0, len(variables))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		env = append(env, name+"="+variables[name])
	}
	return env
}

// command is what replaces the image's command, nothing when it stays.
func command(image apprunner.Image) []string {
	if len(image.Command) > 0 {
		return image.Command
	}
	return splitCommand(image.Start)
}

// secrets are the variables of the application that are kept apart. What the platform sets wins over
// them as well.
func secrets(r apprunner.Revision) []string {
	injected := slices.Concat(r.Spec.Image.PortVariables, []string{"PORT"})
	var env []string
	for _, name := range slices.Sorted(maps.Keys(r.Secrets)) {
		if !slices.Contains(injected, name) {
			env = append(env, name+"="+r.Secrets[name].Value)
		}
	}
	return env
}

// splitCommand turns a start command into arguments. A command that only a shell understands gets
// one.
func splitCommand(command string) []string {
	if strings.ContainsAny(command, "&|;<>()$`*?[]{}~#\\") {
		return []string{"/bin/sh", "-c", command}
	}
	args, open := splitQuoted(command)
	if open {
		return []string{"/bin/sh", "-c", command}
	}
	return args
}

// splitQuoted splits at spaces outside of quotes. It reports whether a quote stayed open.
func splitQuoted(command string) (args []string, open bool) {
	var word strings.Builder
	var quote rune
	in := false
	for _, c := range command {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, in = c, true
		case c == ' ' || c == '\t':
			if in {
				args = append(args, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(c)
			in = true
		}
	}
	if in {
		args = append(args, word.String())
	}
	return args, quote != 0
}
