package plan

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Argv makes a program and its arguments of a start command. App Runner splits it at spaces, minds
// quotes, and has no shell. So does Argv, but for commands that make no sense without a shell: those
// get one. Patterns such as lib/* are no reason for one, as they mean what they say on App Runner.
func Argv(command string) ([]string, error) {
	words, err := split(command)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("the start command %q has no program in it", command)
	}
	if !needsShell(words) {
		argv := make([]string, len(words))
		for i, w := range words {
			argv[i] = w.text
		}
		return argv, nil
	}
	return []string{cmp.Or(shellFor(command), "/bin/sh"), "-c", replace(command, words)}, nil
}

// Shell reports whether argv is a command of Argv that got a shell.
func Shell(argv []string) bool {
	return len(argv) == 3 && (argv[0] == "/bin/sh" || argv[0] == "/bin/bash") && argv[1] == "-c"
}

// word is an argument, and what a shell would see in it.
type word struct {
	text     string
	at       int  // index of its first byte in the command
	plain    bool // has no quotes, so that it may be an operator
	variable bool // names a variable or a command outside of single quotes
	line     bool // the first on a line after the first
}

var (
	operator   = regexp.MustCompile(`^(&&|\|\|?|&|;|\(|\)|\{|\}|!|[0-9]*(>>?|<)[^=]*|.*[^\\];)$|^\(|^[0-9]?>&`)
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	builtins   = []string{"cd", "export", "source", ".", "exec", "set", "unset", "ulimit", "umask", "eval", "if", "for", "while", "until", "case", "trap", ":", "test", "alias"}
)

// needsShell reports whether a shell would see more in the words than words.
func needsShell(words []word) bool {
	first := words[0]
	if first.plain && (assignment.MatchString(first.text) || slices.Contains(builtins, first.text)) {
		return true
	}
	return slices.ContainsFunc(words, func(w word) bool {
		return w.variable || w.line || w.plain && (operator.MatchString(w.text) || strings.HasPrefix(w.text, "~/"))
	})
}

// replace puts "exec" before the last program of a chain, so that it takes the place of the shell and
// gets the signals. Only chains of && are sure to have one.
func replace(command string, words []word) string {
	last := 0
	for i, w := range words {
		if !w.plain || !operator.MatchString(w.text) || redirection.MatchString(w.text) {
			if w.line {
				return command
			}
			continue
		}
		if w.text != "&&" {
			return command
		}
		last = i + 1
	}
	for last < len(words) && words[last].plain && assignment.MatchString(words[last].text) {
		last++
	}
	if last >= len(words) || words[last].plain && slices.Contains(builtins, words[last].text) {
		return command
	}
	at := words[last].at
	return command[:at] + "exec " + command[at:]
}

var redirection = regexp.MustCompile(`^[0-9]*(>>?|<)`)
