package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v4"
)

// stray is a key where App Runner has none. App Runner does not say what it does with them; they are
// ignored with a warning, so that no file is refused here that runs there.
type stray struct {
	key     *yaml.Node
	section string
	allowed []string
}

// missing is a required key that is not there.
type missing struct {
	section section
	key     string
	remedy  string
}

func (m missing) path() string { return strings.TrimPrefix(m.section.path+"."+m.key, ".") }

// need notes a required key that is missing. Whether another key was meant is known at the end.
func (r *reader) need(s section, key, remedy string) {
	r.missing = append(r.missing, missing{s, key, remedy})
}

// settle brings missing and stray keys together, and tells of them.
func (r *reader) settle() {
	for _, m := range r.missing {
		at, remedy := m.section.at, m.remedy
		if k := m.section.keys[m.key]; k != nil {
			at = k
		}
		if i := slices.IndexFunc(r.strays, func(s stray) bool { return under(s.home(), m.path()) }); i >= 0 {
			s := r.strays[i]
			remedy = fmt.Sprintf("Is it the %s on line %d? %s", excerpt(s.key.Value), s.key.Line, s.remedy())
			r.strays = slices.Delete(r.strays, i, i+1)
		}
		r.fail(at, m.what(), remedy)
	}
	for _, s := range r.strays {
		r.warn(s.key, fmt.Sprintf("%s has no key %s, so it is ignored.", owner(s.section), excerpt(s.key.Value)), s.remedy())
	}
}

// under reports whether a path is another one, or inside of it.
func under(path, of string) bool { return path == of || strings.HasPrefix(path, of+".") }

// what says which key is missing; items of lists go by the name of their variable.
func (m missing) what() string {
	list, item := strings.CutSuffix(m.section.path, "[]")
	switch n := m.section.get("name"); {
	case item && n != nil:
		return fmt.Sprintf("The variable %s of %q has no %q.", excerpt(n.Value), list, m.key)
	case item:
		return fmt.Sprintf("A variable of %q has no %q.", list, m.key)
	default:
		return fmt.Sprintf("%q is missing.", m.path())
	}
}

func owner(path string) string {
	if path == "" {
		return "The top of the file"
	}
	if list, item := strings.CutSuffix(path, "[]"); item {
		return fmt.Sprintf("An item of %q", list)
	}
	return fmt.Sprintf("%q", path)
}

// home is where the key belongs in this file, "" for nowhere.
func (s stray) home() string {
	plain := plainKey(s.key.Value)
	for _, key := range s.allowed {
		if plainKey(key) == plain || plain != "" && len(key) > 4 && levenshtein.Distance(plainKey(key), plain, nil) <= 2 {
			return strings.TrimPrefix(s.section+"."+key, ".")
		}
	}
	if s.section == "run" && plain == "pre" || s.section == "build.commands" && plain == "prerun" {
		return "run.pre-run"
	}
	return homes[plain]
}

func (s stray) remedy() string {
	if home := s.home(); home != "" {
		if section, key, nested := cutLast(home); section == s.section {
			return fmt.Sprintf("It is spelled %q.", key)
		} else if nested {
			return fmt.Sprintf("It belongs under %q, as %q: indent it there.", section+":", key)
		}
		return fmt.Sprintf("It belongs at the top of the file, as %q, without indentation.", home)
	}
	if setting := settings[plainKey(s.key.Value)]; setting != "" {
		return "It is no part of this file: set " + setting + " with CreateService or UpdateService."
	}
	if len(s.allowed) == 1 {
		return fmt.Sprintf("The only one is %s.", s.allowed[0])
	}
	return fmt.Sprintf("It has %s. Delete the line, or put it where it belongs.", strings.Join(s.allowed, ", "))
}

func cutLast(path string) (section, key string, nested bool) {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)], path[i+1:], i >= 0
}

func plainKey(key string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "", ".", "").Replace(key))
}

// homes are where keys belong that people put elsewhere.
var homes = map[string]string{
	"version": "version", "runtime": "runtime", "build": "build", "run": "run",
	"commands": "build.commands", "buildcommand": "build.commands.build", "buildcommands": "build.commands.build", "install": "build.commands.build",
	"prebuild": "build.commands.pre-build", "postbuild": "build.commands.post-build",
	"prerun": "run.pre-run", "runtimeversion": "run.runtime-version", "pythonversion": "run.runtime-version", "nodeversion": "run.runtime-version",
	"command": "run.command", "startcommand": "run.command", "start": "run.command", "runcommand": "run.command", "cmd": "run.command", "entrypoint": "run.command",
	"network": "run.network", "port": "run.network.port", "ports": "run.network.port",
	"env": "run.env", "envs": "run.env", "environment": "run.env", "environmentvariables": "run.env", "envvars": "run.env", "variables": "run.env", "runtimeenvironmentvariables": "run.env",
	"secrets": "run.secrets", "secret": "run.secrets", "runtimeenvironmentsecrets": "run.secrets",
	"valuefrom": "run.secrets", "key": "run.env[].name",
}

// settings are what the API has and the file does not.
var settings = map[string]string{
	"healthcheck": "HealthCheckConfiguration", "healthchecks": "HealthCheckConfiguration", "health": "HealthCheckConfiguration", "healthcheckpath": "HealthCheckConfiguration", "healthcheckconfiguration": "HealthCheckConfiguration",
	"instance": "InstanceConfiguration", "instanceconfiguration": "InstanceConfiguration", "instancesize": "InstanceConfiguration", "cpu": "InstanceConfiguration.Cpu", "memory": "InstanceConfiguration.Memory", "resources": "InstanceConfiguration",
	"role": "InstanceConfiguration.InstanceRoleArn", "instancerole": "InstanceConfiguration.InstanceRoleArn", "instancerolearn": "InstanceConfiguration.InstanceRoleArn", "accessrole": "AuthenticationConfiguration.AccessRoleArn",
	"scaling": "AutoScalingConfigurationArn", "scale": "AutoScalingConfigurationArn", "autoscaling": "AutoScalingConfigurationArn", "autoscalingconfiguration": "AutoScalingConfigurationArn",
	"minsize": "AutoScalingConfigurationArn", "maxsize": "AutoScalingConfigurationArn", "maxconcurrency": "AutoScalingConfigurationArn", "concurrency": "AutoScalingConfigurationArn",
	"name": "ServiceName", "servicename": "ServiceName", "service": "ServiceName", "tags": "Tags",
	"sourcedirectory": "SourceDirectory", "source": "SourceConfiguration", "branch": "SourceCodeVersion", "autodeploy": "AutoDeploymentsEnabled", "autodeployments": "AutoDeploymentsEnabled",
	"vpc": "NetworkConfiguration", "vpcconnector": "NetworkConfiguration", "networkconfiguration": "NetworkConfiguration", "egress": "NetworkConfiguration", "ingress": "NetworkConfiguration",
	"observability": "ObservabilityConfiguration", "tracing": "ObservabilityConfiguration", "encryption": "EncryptionConfiguration",
}
