package plan

import (
	"fmt"
	"slices"
	"strings"
)

// String is the plan for people: the stages with their steps, then the image.
func (p Plan) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s\n", p.Runtime, p.Version)
	for _, s := range p.Stages {
		s.write(&out)
	}
	fmt.Fprintf(&out, "\nimage\n  in    %s\n  runs  %s\n  port  %d\n", p.Image.Dir, strings.Join(p.Image.Command, " "), p.Image.Port)
	return out.String()
}

func (s *Stage) write(out *strings.Builder) {
	role := ""
	if s.Ship {
		role = ": becomes the image"
	}
	fmt.Fprintf(out, "\n%s%s\n  from  %s%s\n", s.Name, role, s.From, s.Stage)
	for _, c := range s.Copies {
		source := c.From + " of " + c.Stage
		if c.Stage == "" {
			source = "the repository"
		}
		fmt.Fprintf(out, "  copy  %s to %s\n", source, c.To)
	}
	if len(s.Commands) == 0 {
		return
	}
	fmt.Fprintf(out, "  in    %s\n", s.Dir)
	for _, v := range s.Env {
		fmt.Fprintf(out, "  env   %s=%s\n", v.Name, v.Value)
	}
	for _, c := range s.Commands {
		lines := strings.Split(c.Script, "\n")
		fmt.Fprintf(out, "  [%s] %s\n", c.Phase, strings.Join(lines, "\n"+strings.Repeat(" ", len(c.Phase)+5)))
	}
	if caches := s.caches(); caches != "" {
		fmt.Fprintf(out, "  kept  %s, from build to build\n", caches)
	}
}

func (s *Stage) caches() string {
	var names []string
	for _, command := range s.Commands {
		for _, c := range command.Caches {
			if !slices.Contains(names, c.Target) {
				names = append(names, c.Target)
			}
		}
	}
	return strings.Join(names, ", ")
}
