package runtimes

import (
	"regexp"
	"strconv"
	"strings"
)

// number is a version as far as the names of runtimes tell it: major and minor.
type number [2]int

func (n number) distance(m number) int {
	d := (n[0]*100 + n[1]) - (m[0]*100 + m[1])
	return max(d, -d)
}

// languages are the words that people write for a language, and the language.
var languages = map[string]string{
	"python": "python", "py": "python", "cpython": "python",
	"node": "nodejs", "nodejs": "nodejs", "javascript": "nodejs", "typescript": "nodejs", "js": "nodejs", "npm": "nodejs",
	"corretto": "java", "java": "java", "openjdk": "java", "jdk": "java", "maven": "java", "gradle": "java", "amazoncorretto": "java",
	"go": "go", "golang": "go",
	"dotnet": "dotnet", "net": "dotnet", "dotnetcore": "dotnet", "netcore": "dotnet", "aspnet": "dotnet", "csharp": "dotnet",
	"php":  "php",
	"ruby": "ruby", "rails": "ruby",
}

var wordAndNumber = regexp.MustCompile(`^([a-z]+)(?:([0-9]+)(?:\.([0-9]+|x))?.*)?$`)

// Nearest returns the name of the runtime that somebody meant who wrote another name, such as
// python311 for "Python 3.11", nodejs22 for "node" and nodejs20 for "nodejs19". It returns "" when the
// name tells no language, as "docker" does.
func Nearest(name string) string {
	word, wanted, ok := understand(name)
	if !ok {
		return ""
	}
	language := languages[word]
	best, distance := "", 0
	for _, r := range all {
		if r.Language != language {
			continue
		}
		d := r.version.distance(wanted)
		if wanted == (number{}) {
			d = preference(r)
		}
		if best == "" || d <= distance { // of two that are as near, the newer
			best, distance = r.Name, d
		}
	}
	return best
}

// preference puts the runtimes of a language in order, for a name without a version: what App Runner
// supports first, because a file that says it moves back and forth; then the newest.
func preference(r Runtime) int {
	switch {
	case r.AWS && r.Successor == "":
		return 0
	case r.Successor == "" || r.Successor == r.Name:
		return 1
	default:
		return 2
	}
}

// understand takes a name apart into a known word and a version.
func understand(name string) (word string, wanted number, ok bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	name = strings.NewReplacer("node.js", "nodejs", "_", "", "-", "", " ", "", ":", "", "@", "").Replace(name)
	name = strings.TrimPrefix(name, ".")
	m := wordAndNumber.FindStringSubmatch(name)
	if m == nil {
		return "", number{}, false
	}
	word, digits, minor := m[1], m[2], m[3]
	if _, known := languages[word]; !known {
		return "", number{}, false
	}
	switch languages[word] {
	case "python", "php", "ruby": // their names run both together, and no major has two digits
		if len(digits) > 1 {
			digits, minor = digits[:1], digits[1:]
		}
	}
	wanted[0], _ = strconv.Atoi(digits)
	wanted[1], _ = strconv.Atoi(minor)
	if word == "python" && wanted == (number{3, 0}) && digits == "3" && minor == "" {
		wanted = number{3, 8} // python3 is a name of its own
	}
	return word, wanted, true
}
