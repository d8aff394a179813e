package apprunner

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func codeChange(change func(*CodeChange)) *SourceChange {
	c := &CodeChange{URL: "https://git.example/shop.git", Branch: "main", Directory: "/"}
	change(c)
	return &SourceChange{Code: c}
}

func TestApplyCode(t *testing.T) {
	t.Parallel()
	image := &ImageChange{Identifier: "nginx", Type: ECR}
	values := &CodeValuesChange{Runtime: "PYTHON_311", Build: "make", Start: "./run", Port: "8000", Variables: map[string]string{"A": "b"}}
	api := codeChange(func(c *CodeChange) { c.Source, c.Values = FromAPI, values })
	built, err := Change{Source: api}.Apply(DefaultSpec())
	if err != nil {
		t.Fatal(err)
	}
	ran, err := Change{Source: &SourceChange{Image: image}}.Apply(DefaultSpec())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		reason  string
		before  Spec
		change  *SourceChange
		want    CodeRepository
		refused string
	}{
		"Repository": {"without a configuration the repository has it", DefaultSpec(), codeChange(func(*CodeChange) {}),
			CodeRepository{URL: "https://git.example/shop.git", Branch: "main", Directory: "/", Source: FromRepository}, ""},
		"API": {"the request has the settings", DefaultSpec(), api,
			CodeRepository{URL: "https://git.example/shop.git", Branch: "main", Directory: "/", Source: FromAPI,
				Values: &CodeValues{Runtime: "PYTHON_311", Build: "make", Start: "./run", Port: 8000, Variables: map[string]string{"A": "b"}}}, ""},
		"Ignored": {"settings beside REPOSITORY are ignored, as App Runner does", DefaultSpec(), codeChange(func(c *CodeChange) { c.Source, c.Values = FromRepository, values }),
			CodeRepository{URL: "https://git.example/shop.git", Branch: "main", Directory: "/", Source: FromRepository}, ""},
		"Branch": {"another branch keeps the settings", built, codeChange(func(c *CodeChange) { c.Branch = "next" }),
			CodeRepository{URL: "https://git.example/shop.git", Branch: "next", Directory: "/", Source: FromAPI, Values: built.Code.Values}, ""},
		"Directory": {"a directory is absolute", DefaultSpec(), codeChange(func(c *CodeChange) { c.Directory = "services/api/" }),
			CodeRepository{URL: "https://git.example/shop.git", Branch: "main", Directory: "/services/api", Source: FromRepository}, ""},
		"Outside":   {"nothing outside of the repository is built", DefaultSpec(), codeChange(func(c *CodeChange) { c.Directory = "/../etc" }), CodeRepository{}, "leaves the repository"},
		"NoValues":  {"API needs values", DefaultSpec(), codeChange(func(c *CodeChange) { c.Source = FromAPI }), CodeRepository{}, "needs CodeConfigurationValues"},
		"NoURL":     {"a repository has an address", DefaultSpec(), codeChange(func(c *CodeChange) { c.URL = " " }), CodeRepository{}, "RepositoryUrl is empty"},
		"Option":    {"a branch is never an option of git", DefaultSpec(), codeChange(func(c *CodeChange) { c.Branch = "--upload-pack=x" }), CodeRepository{}, "cannot be the name of a branch"},
		"BadBranch": {"git has no such branch", DefaultSpec(), codeChange(func(c *CodeChange) { c.Branch = "a..b" }), CodeRepository{}, "cannot be the name of a branch"},
		"Port":      {"a port is a number", DefaultSpec(), codeChange(func(c *CodeChange) { c.Source, c.Values = FromAPI, &CodeValuesChange{Port: "x"} }), CodeRepository{}, `"x" is not a port`},
		"Both":      {"one source is one", DefaultSpec(), &SourceChange{Image: image, Code: api.Code}, CodeRepository{}, "exactly one of"},
		"ToImage":   {"code stays code", built, &SourceChange{Image: image}, CodeRepository{}, "cannot become an image"},
		"ToCode":    {"an image stays an image", ran, api, CodeRepository{}, "cannot become source code"},
		"Reserved": {"App Runner keeps these names", DefaultSpec(), codeChange(func(c *CodeChange) {
			c.Source, c.Values = FromAPI, &CodeValuesChange{Variables: map[string]string{"AWSAPPRUNNER_X": ""}}
		}), CodeRepository{}, "reserved"},
		"Twice": {"a name is a variable or a secret", DefaultSpec(), codeChange(func(c *CodeChange) {
			c.Source, c.Values = FromAPI, &CodeValuesChange{Secrets: map[string]string{"A": "b"}, Variables: map[string]string{"A": "c"}}
		}), CodeRepository{}, "both name \"A\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Change{Source: c.change}.Apply(c.before)
			if c.refused != "" {
				if CodeOf(err) != InvalidRequest || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("%s: error %v, want InvalidRequest with %q", c.reason, err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", c.reason, err)
			}
			if diff := cmp.Diff(c.want, *got.Code); diff != "" || !got.AutoDeploy {
				t.Errorf("%s: deploys automatically: %t; (-want +got):\n%s", c.reason, got.AutoDeploy, diff)
			}
		})
	}
}

func TestBeginRollback(t *testing.T) {
	t.Parallel()
	code := &CodeRepository{URL: "https://git.example/shop.git", Branch: "old"}
	s := Service{ID: "s", Name: "web", Status: ServiceRunning, RevisionID: "r3", Spec: Spec{Code: &CodeRepository{Branch: "new"}, Image: DefaultSpec().Image}}
	old := Revision{ID: "r1", ServiceID: "s", Number: 1, Digest: "sha256:1", Served: true, Spec: Spec{Code: code, Image: Image{Identifier: "built", Port: 3000}}}
	all := []Revision{
		{ID: "r4", ServiceID: "s", Number: 4, Digest: "sha256:4"},
		{ID: "r3", ServiceID: "s", Number: 3, Digest: "sha256:3", Served: true},
		{ID: "r2", ServiceID: "s", Number: 2},
		old,
	}
	if got, err := Older(s, all, 0); err != nil || got.ID != "r1" {
		t.Errorf("the one before is %q (%v), want r1: 2 never served", got.ID, err)
	}
	left := append([]Revision{
		{ID: "r6", Number: 6, Served: true, ServedAt: noon.Add(3 * time.Hour)},
		{ID: "r5", Number: 5, Served: true, ServedAt: noon.Add(time.Hour)},
		{ID: "r4", Number: 4, Served: true, ServedAt: noon.Add(2 * time.Hour)}, // again, when 5 was rolled back
	}, all[1:]...)
	if got, err := Older(Service{RevisionID: "r6"}, left, 0); err != nil || got.ID != "r4" {
		t.Errorf("the one before is %q (%v), want r4: a rollback had left 5 out", got.ID, err)
	}
	if _, err := Older(Service{RevisionID: "r1"}, all, 0); CodeOf(err) != InvalidRequest {
		t.Errorf("there is nothing older, and the error is %v", err)
	}
	if _, err := Older(s, all, 7); CodeOf(err) != ResourceNotFound {
		t.Errorf("revision 7 does not exist, and the error is %v", err)
	}
	after, o, err := BeginRollback(s, old, "o", noon)
	if err != nil {
		t.Fatal(err)
	}
	if o.Step != StepPull || o.RevisionID != "r1" || o.Type != StartDeployment || after.Spec.Code.Branch != "old" || after.Spec.Image.Identifier != "" {
		t.Errorf("begins %+v with %+v", o, after.Spec)
	}
	failed, o := RolledBack(after, Fail(o, "it does not start", noon), noon)
	if failed.Spec.Code.Branch != "new" || failed.Status != ServiceRunning || failed.RevisionID != "r3" || o.Status != OperationRollbackSucceeded {
		t.Errorf("after a rollback that fails: %+v, %+v", failed, o)
	}
	for reason, r := range map[string]Revision{
		"of another service": {ID: "x", ServiceID: "t", Digest: "sha256:1"},
		"never built":        all[2],
		"that serves":        all[1],
	} {
		if _, _, err := BeginRollback(s, r, "o", noon); err == nil {
			t.Errorf("a revision %s was accepted", reason)
		}
	}
}
