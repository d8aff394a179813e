package detect

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// pom is what a guess needs of pom.xml.
type pom struct {
	ArtifactID string `xml:"artifactId"`
	Version    string `xml:"version"`
	Parent     struct {
		Version string `xml:"version"`
	} `xml:"parent"`
	Build struct {
		FinalName string `xml:"finalName"`
	} `xml:"build"`
}

func java(f folder) (Guess, bool) {
	switch gradle := f.first("build.gradle", "build.gradle.kts"); {
	case f.has("pom.xml"):
		return f.maven(), true
	case gradle != "":
		return f.gradle(gradle), true
	default:
		return Guess{}, false
	}
}

func (f folder) maven() Guess {
	text := f.read("pom.xml")
	var p pom
	_ = xml.Unmarshal([]byte(text), &p) // what cannot be read, Maven will tell of
	g := Guess{Why: []string{"pom.xml makes it a project of Java and Maven."}}
	f.chooseJava(&g, text, "pom.xml")
	tool := "mvn"
	if f.has("mvnw") {
		tool = "sh ./mvnw"
		g.say("It has a Maven wrapper.")
	}
	g.Build = []string{tool + " -B -DskipTests package"}
	name := cmp.Or(p.Build.FinalName, p.ArtifactID+"-"+cmp.Or(p.Version, p.Parent.Version))
	name = strings.NewReplacer("${project.artifactId}", p.ArtifactID, "${project.version}", cmp.Or(p.Version, p.Parent.Version)).Replace(name)
	g.Start = "java -jar target/" + name + ".jar"
	switch {
	case strings.Contains(text, "quarkus-maven-plugin"):
		g.Start = "java -jar target/quarkus-app/quarkus-run.jar"
	case strings.Contains(name, "${"):
		g.Start = "sh -c 'exec java -jar target/*.jar'"
	}
	g.say("Maven makes a program of it: %s", g.Start)
	g.Port = f.springPort()
	return g
}

var (
	javaVersion = regexp.MustCompile(`(?:<(?:java\.version|maven\.compiler\.(?:release|source|target)|release)>|languageVersion\s*(?:=|\.set\()\s*JavaLanguageVersion\.of\(|sourceCompatibility\s*=\s*['"]?(?:JavaVersion\.VERSION_)?)\s*(?:1\.)?(\d+)`)
	rootName    = regexp.MustCompile(`rootProject\.name\s*=\s*['"]([^'"]+)`)
)

// chooseJava picks the oldest runtime that is new enough, because Java's projects name the version that
// they are written for.
func (f folder) chooseJava(g *Guess, text, file string) {
	m := javaVersion.FindStringSubmatch(text)
	if m == nil {
		f.choose(g, "java", "", "")
		return
	}
	wanted, _ := strconv.Atoi(m[1])
	for _, r := range runtimes.All() {
		version, _ := strconv.Atoi(promised(r))
		if r.Language == "java" && version >= wanted && (f.available == nil || f.available(r.Name)) {
			g.Runtime = r.Name
			g.say("%s is written for Java %d: %s.", file, wanted, r.Name)
			return
		}
	}
	f.choose(g, "java", fmt.Sprintf(">=%d", wanted), file)
}

func (f folder) gradle(file string) Guess {
	text := f.read(file)
	g := Guess{Why: []string{file + " makes it a project of Java and Gradle."}}
	f.chooseJava(&g, text, file)
	tool := "gradle"
	if f.has("gradlew") {
		tool = "sh ./gradlew"
		g.say("It has a Gradle wrapper.")
	}
	name := ""
	if m := rootName.FindStringSubmatch(f.read("settings.gradle") + f.read("settings.gradle.kts")); m != nil {
		name = m[1]
	}
	switch {
	case strings.Contains(text, "org.springframework.boot"):
		g.Build, g.Start = []string{tool + " bootJar"}, "sh -c 'exec java -jar build/libs/*.jar'"
	case name != "" && regexp.MustCompile(`id\s*\(?['"]application['"]|plugins\s*\{[^}]*\bapplication\b`).MatchString(text):
		g.Build, g.Start = []string{tool + " installDist"}, "build/install/"+name+"/bin/"+name
	default:
		g.Build, g.Start = []string{tool + " assemble"}, "sh -c 'exec java -jar build/libs/*.jar'"
	}
	g.say("Gradle makes a program of it: %s", g.Start)
	g.Port = f.springPort()
	return g
}

var serverPort = regexp.MustCompile(`(?m)^\s*server\.port\s*[=:]\s*(\d+)\s*$`)

// springPort is the one in the settings of Spring Boot. Without one it listens on 8080, which is
// ours as well.
func (f folder) springPort() int {
	return number(serverPort, f.read("src/main/resources/application.properties"))
}
