package runtimes

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// VersionError says that a runtime has no version that a lock asks for.
type VersionError struct {
	Runtime string
	Lock    string   // as the file has it
	Has     []string // newest first
}

// Error is App Runner's sentence, and what to do.
func (e *VersionError) Error() string {
	const text = "The specified runtime version is not supported. "
	if len(e.Has) == 0 {
		return fmt.Sprintf(text+`Here is no version of %s at all. Have the operator run "slipway runtimes build %s", or allow public images with "public-images: true" in runtimes.yaml.`, e.Runtime, e.Runtime)
	}
	has := e.Has[len(e.Has)-1]
	if rest := e.Has[:len(e.Has)-1]; len(rest) > 0 {
		has = strings.Join(rest, ", ") + " and " + has
	}
	return fmt.Sprintf(text+`%s has no version %q here, but %s. Set runtime-version to one of them or to its first numbers, or remove it for the newest.`, e.Runtime, e.Lock, has)
}

var lockForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)

// matches reports whether a lock, such as 3.11, allows a version, such as 3.11.14. Numbers are compared
// as numbers: Corretto's 8.472.08.1 is 8.472.8.1.
func matches(lock, version string) bool {
	if !lockForm.MatchString(lock) {
		return false
	}
	want, have := strings.Split(lock, "."), strings.Split(version, ".")
	if len(want) > len(have) {
		return false
	}
	for i := range want {
		if compareNumbers(want[i], have[i]) != 0 {
			return false
		}
	}
	return true
}

// compare puts versions in order, an older one before a newer one.
func compare(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		if c := compareNumbers(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}

func compareNumbers(a, b string) int {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	if errX != nil || errY != nil {
		return cmp.Compare(a, b)
	}
	return cmp.Compare(x, y)
}
