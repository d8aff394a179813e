package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/build/plan"
)

var (
	framework    = regexp.MustCompile(`<TargetFramework>\s*net(\d+)\.0`)
	assemblyName = regexp.MustCompile(`<AssemblyName>\s*([^<\s]+)`)
)

func dotnet(f folder) (Guess, bool) {
	projects := f.files("*.csproj")
	for _, dir := range slices.Concat(f.folders("."), f.folders("src")) {
		projects = append(projects, f.files(path.Join(dir, "*.csproj"))...)
	}
	i := slices.IndexFunc(projects, func(name string) bool { return strings.Contains(f.read(name), "Microsoft.NET.Sdk.Web") })
	if i < 0 {
		return Guess{}, false
	}
	project := projects[i]
	text := f.read(project)
	g := Guess{Why: []string{project + " makes it a project of ASP.NET."}}
	wish := ""
	if m := framework.FindStringSubmatch(text); m != nil {
		wish = m[1]
	}
	f.choose(&g, "dotnet", wish, project)
	name := strings.TrimSuffix(path.Base(project), ".csproj")
	if m := assemblyName.FindStringSubmatch(text); m != nil {
		name = m[1]
	}
	g.Build = []string{"dotnet publish " + project + " -c Release -o out"}
	g.Start, g.Port = "dotnet out/"+name+".dll", 8080
	g.Env = []plan.Variable{{Name: "ASPNETCORE_URLS", Value: "http://*:8080"}}
	g.say("It starts with %s, and ASPNETCORE_URLS tells it to listen on port 8080.", g.Start)
	return g, true
}
