package config

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// runtime reads the name of the runtime and looks it up.
func (r *reader) runtime(s section) Text {
	n := s.get("runtime")
	if n == nil {
		r.need(s, "runtime", "Name the runtime that builds and runs the application:"+yamlLines("runtime: python311"))
		return Text{}
	}
	name := r.text(n, "runtime", "runtime: python311")
	if _, ok := runtimes.Find(name.Value); !ok && n.Kind == yaml.ScalarNode {
		r.fail(n, fmt.Sprintf("There is no runtime %s.", excerpt(name.Value)), Suggest(name.Value))
	}
	return name
}

var container = regexp.MustCompile(`(?i)docker|^image$|container|^custom$`)

// Suggest says what to write instead of the name of a runtime that is not there.
func Suggest(name string) string {
	var all []string
	for _, r := range runtimes.All() {
		all = append(all, r.Name)
	}
	list := strings.Join(all, ", ")
	if container.MatchString(name) {
		return "A Dockerfile is built when the service has the tag slipway:build=dockerfile; then this file is not read. Otherwise write one of: " + list + "."
	}
	if found := runtimes.Nearest(name); found != "" {
		return fmt.Sprintf("Write %s. There are %s.", found, list)
	}
	return fmt.Sprintf("Write one of: %s. Other languages build from a Dockerfile, with the tag slipway:build=dockerfile.", list)
}
