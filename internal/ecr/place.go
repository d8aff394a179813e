package ecr

import (
	"regexp"
	"strings"
)

// regionForm matches the names of AWS's Regions, and little else that a repository may be called.
var regionForm = regexp.MustCompile(`^(us|eu|ap|sa|ca|me|af|il|mx|cn)(-gov|-iso[a-z]?)?-(north|south|east|west|central|northeast|northwest|southeast|southwest)-[0-9]$`)

// Stored is the name in the embedded registry of a repository of a Region. Those of the daemon's own
// Region, home, have the name that they have in ECR; those of another Region have the Region before
// it, which keeps them apart: eu-west-1/app.
func Stored(home, region, name string) string { return Prefix(home, region) + name }

// Prefix is what the stored names of a Region's repositories begin with, "" for home.
func Prefix(home, region string) string {
	if region == home {
		return ""
	}
	return region + "/"
}

// Owner is the opposite of Stored.
func Owner(home, stored string) (region, name string) {
	first, rest, found := strings.Cut(stored, "/")
	if found && first != home && regionForm.MatchString(first) {
		return first, rest
	}
	return home, stored
}
