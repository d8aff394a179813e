package config

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// top reads the whole document.
func (r *reader) top(n *yaml.Node) Config {
	if n.Kind != yaml.MappingNode {
		r.fail(n, fmt.Sprintf("The file is %s, and it has to be keys with values.", kind(n)), "Begin with:"+yamlLines("version: 1.0", "runtime: python311"))
		return Config{}
	}
	s := r.section(n, "", "version", "runtime", "build", "run")
	c := Config{Port: apprunner.DefaultPort}
	r.formatVersion(s)
	c.Runtime = r.runtime(s)
	r.build(s, &c)
	r.run(s, &c)
	return c
}

// formatVersion reads the version of the format; 1.0 is the only one that App Runner ever had.
func (r *reader) formatVersion(s section) {
	n := s.get("version")
	if n == nil {
		r.need(s, "version", "Put it on the first line:"+yamlLines("version: 1.0"))
		return
	}
	switch v := r.text(n, "version", "version: 1.0").Value; {
	case v == "1.0", v == "1", n.Kind != yaml.ScalarNode:
	case strings.HasPrefix(v, "1."):
		r.warn(n, fmt.Sprintf("App Runner has no version %s of this format.", v), "It is read as 1.0. Write version: 1.0.")
	default:
		r.fail(n, fmt.Sprintf("App Runner has no version %s of this format.", excerpt(v)), "It is not the version of your application or runtime. Write version: 1.0.")
	}
}

func (r *reader) build(top section, c *Config) {
	example := []string{"build:", "  commands:", "    build:", "      - pip3 install -r requirements.txt"}
	s, ok := r.child(top, "build", example, "commands", "env")
	if !ok {
		if top.get("build") == nil {
			r.need(top, "build", "Write:"+yamlLines(example...))
		}
		return
	}
	c.BuildEnv = r.variables(s)
	if list := s.get("commands"); list != nil && list.Kind == yaml.SequenceNode {
		r.phases(list)
		return
	}
	commands, ok := r.child(s, "commands", example, "pre-build", "build", "post-build")
	if !ok {
		if s.get("commands") == nil {
			r.need(s, "commands", "Write:"+yamlLines(example...))
		}
		return
	}
	c.PreBuild = r.commands(commands, "pre-build")
	c.Build = r.commands(commands, "build")
	c.PostBuild = r.commands(commands, "post-build")
	if commands.get("build") == nil {
		r.need(commands, "build", "A project with nothing to build says:"+yamlLines(`build:`, `  - echo "nothing to build"`))
	}
}

// phases tells of commands that are a list where App Runner wants phases with a list each.
func (r *reader) phases(list *yaml.Node) {
	lines := []string{"commands:", "  build:"}
	for i, item := range list.Content {
		if i == 8 {
			lines = append(lines, "    # and so on")
			break
		}
		lines = append(lines, "    "+strings.TrimSpace(r.line(item.Line)))
	}
	r.fail(list, `"build.commands" is a list; App Runner wants the phases pre-build, build and post-build there, each with a list.`, "Write:"+yamlLines(lines...))
}

func (r *reader) run(top section, c *Config) {
	s, ok := r.child(top, "run", []string{"run:", "  command: python3 app.py"}, "runtime-version", "pre-run", "command", "network", "env", "secrets")
	if !ok {
		if top.get("run") == nil {
			r.need(top, "run", "Say how the application starts:"+yamlLines("run:", "  command: python3 app.py"))
		}
		return
	}
	c.Version = r.text(s.get("runtime-version"), "run.runtime-version", "runtime-version: 3.11")
	c.PreRun = r.commands(s, "pre-run")
	c.Start = r.start(s)
	r.network(s, c)
	c.Env = r.variables(s)
	c.Secrets = r.secrets(s)
}

func (r *reader) network(run section, c *Config) {
	s, ok := r.child(run, "network", []string{"network:", "  port: 8080"}, "port", "env")
	if !ok {
		return
	}
	if n := s.get("port"); n != nil {
		port := r.text(n, "run.network.port", "port: 8080").Value
		if number, err := strconv.ParseUint(port, 10, 16); err == nil && number > 0 {
			c.Port = int(number)
		} else if n.Kind == yaml.ScalarNode {
			r.fail(n, fmt.Sprintf("The port %s is not a number from 1 to 65535.", excerpt(port)), "Write the number that the application listens on. Nothing is replaced in it:"+yamlLines("port: 8080"))
		}
	}
	c.PortVariable = r.text(s.get("env"), "run.network.env", "env: APP_PORT").Value
	r.checkName(s.get("env"), c.PortVariable)
}
