package apprunner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseInstance(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason      string
		cpu, memory string
		want        InstanceConfiguration
		refused     string
	}{
		"Nothing":      {"defaults are 1 vCPU and 2 GB", "", "", InstanceConfiguration{CPU: 1024, Memory: 2048}, ""},
		"Text":         {"both forms mean the same", "0.25 vCPU", "0.5 GB", InstanceConfiguration{CPU: 256, Memory: 512}, ""},
		"Units":        {"units are megabytes and 1/1024 vCPU", "4096", "12288", InstanceConfiguration{CPU: 4096, Memory: 12288}, ""},
		"Mixed":        {"forms can be mixed", "2 vCPU", "6144", InstanceConfiguration{CPU: 2048, Memory: 6144}, ""},
		"NotAPair":     {"App Runner has no 0.25 vCPU with 4 GB", "256", "4096", InstanceConfiguration{}, "0.25 vCPU with Memory 4 GB"},
		"NotANumber":   {"no number at all", "many", "2048", InstanceConfiguration{}, `Cpu "many"`},
		"MemoryIsText": {"no number before GB", "1024", "x GB", InstanceConfiguration{}, `Memory "x GB"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseInstance(c.cpu, c.memory, "")
			if c.refused != "" {
				if CodeOf(err) != InvalidRequest || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("%s: error %v, want InvalidRequest with %q", c.reason, err, c.refused)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("%s: %+v, %v; want %+v", c.reason, got, err, c.want)
			}
		})
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	image := &ImageChange{Identifier: "nginx", Type: ECR}
	yes, no := true, false
	cases := map[string]struct {
		reason  string
		change  Change
		check   func(Spec) bool
		refused string
	}{
		"Defaults":   {"an ECR image deploys automatically on port 8080", Change{Source: &SourceChange{Image: image}}, func(s Spec) bool { return s.AutoDeploy && s.Image.Port == 8080 }, ""},
		"Public":     {"ECR Public does not deploy automatically unless asked, and then it is refused", Change{Source: &SourceChange{Image: &ImageChange{Identifier: "p", Type: ECRPublic}}}, func(s Spec) bool { return !s.AutoDeploy }, ""},
		"PublicAuto": {"clients look for this sentence", Change{Source: &SourceChange{Image: &ImageChange{Identifier: "p", Type: ECRPublic}, AutoDeploy: &yes}}, nil, "App Runner doesn't support automatic deployments for an image in an ECR Public repository."},
		"Manual":     {"automatic deployment can be turned off", Change{Source: &SourceChange{Image: image, AutoDeploy: &no}}, func(s Spec) bool { return !s.AutoDeploy }, ""},
		"NoSource":   {"one source is needed", Change{Source: &SourceChange{}}, nil, "exactly one of"},
		"Port":       {"a port is a number", Change{Source: &SourceChange{Image: &ImageChange{Port: "http"}}}, nil, `"http" is not a port`},
		"PortZero":   {"nothing listens on port 0", Change{Source: &SourceChange{Image: &ImageChange{Port: "0"}}}, nil, `"0" is not a port`},
		"Reserved":   {"the prefix is App Runner's", Change{Source: &SourceChange{Image: &ImageChange{Variables: map[string]string{"AWSAPPRUNNER_X": "1"}}}}, nil, "reserved"},
		"NulValue":   {"no process can have it", Change{Source: &SourceChange{Image: &ImageChange{Variables: map[string]string{"A": "secret\x00"}}}}, nil, `The value of "A"`},
		"NulCommand": {"no process can have it", Change{Source: &SourceChange{Image: &ImageChange{Start: "a\x00b"}}}, nil, "StartCommand has a NUL"},
		"PathLines":  {"a path is one line", Change{Health: &HealthChange{Path: "/a\r\nX: y"}}, nil, "is not the path of a URL"},
		"PathEscape": {"a path is well formed", Change{Health: &HealthChange{Path: "/%zz"}}, nil, "is not the path of a URL"},
		"PathHost": {"a path names no host", Change{Health: &HealthChange{Path: "@192.0.2.1/x"}}, func(s Spec) bool {
			target, err := s.Health.Target()
			return err == nil && target.Host == "" && target.User == nil && target.Path == "/@192.0.2.1/x"
		}, ""},
		"PathSlashes": {"nor with two slashes", Change{Health: &HealthChange{Path: "//192.0.2.1/x?y=z"}}, func(s Spec) bool {
			target, err := s.Health.Target()
			return err == nil && target.Host == "" && target.Path == "//192.0.2.1/x" && target.RawQuery == "y=z"
		}, ""},
		"OwnPort": {"real services set PORT", Change{Source: &SourceChange{Image: &ImageChange{Variables: map[string]string{"PORT": "1"}}}}, func(s Spec) bool { return s.Image.Port == 8080 }, ""},
		"Health": {"members left out take their defaults", Change{Health: &HealthChange{Protocol: "HTTP", Interval: 1}}, func(s Spec) bool {
			return s.Health.Path == "/" && s.Health.Unhealthy == 5 && s.Health.Interval.Seconds() == 1
		}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.change.Apply(DefaultSpec())
			switch {
			case c.refused != "":
				if CodeOf(err) != InvalidRequest || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("%s: error %v, want InvalidRequest with %q", c.reason, err, c.refused)
				}
			case err != nil || !c.check(got):
				t.Errorf("%s: %+v, %v", c.reason, got, err)
			}
		})
	}
}

// TestApplyKeeps holds partial updates to top-level members.
func TestApplyKeeps(t *testing.T) {
	t.Parallel()
	before, err := Change{
		Source:   &SourceChange{Image: &ImageChange{Identifier: "nginx", Type: ECR, Port: "80", Variables: map[string]string{"A": "1"}}},
		Instance: &InstanceChange{CPU: "256", Memory: "512"},
		Health:   &HealthChange{Path: "/up"},
	}.Apply(DefaultSpec())
	if err != nil {
		t.Fatal(err)
	}
	after, err := Change{Instance: &InstanceChange{CPU: "512", Memory: "1024"}}.Apply(before)
	if err != nil {
		t.Fatal(err)
	}
	want := before
	want.Instance = InstanceConfiguration{CPU: 512, Memory: 1024}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("an update of the instance configuration changed more (-want +got):\n%s", diff)
	}
}

func TestParseARN(t *testing.T) {
	t.Parallel()
	const id = "8fe1e10304f84fd2b0df550fe98a71fa"
	place := Place{Account: "123456789012", Region: "us-east-1"}
	cases := map[string]ARN{
		"arn:aws:apprunner:us-east-1:123456789012:service/web-app/" + id:                {Place: place, Type: "service", Name: "web-app", ID: id},
		"arn:aws:apprunner:us-east-1:123456789012:autoscalingconfiguration/big":         {Place: place, Type: TypeScaling, Name: "big"},
		"arn:aws:apprunner:us-east-1:123456789012:autoscalingconfiguration/big/3":       {Place: place, Type: TypeScaling, Name: "big", Revision: 3},
		"arn:aws:apprunner:us-east-1:123456789012:autoscalingconfiguration/big/3/" + id: {Place: place, Type: TypeScaling, Name: "big", Revision: 3, ID: id},
	}
	for s, want := range cases {
		got, err := ParseARN(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("ParseARN(%q) = %+v (%s), %v; want %+v", s, got, got, err, want)
		}
	}
	for _, bad := range []string{
		"", "service/x", "arn:aws:s3:us-east-1:123456789012:service/x/" + id,
		"arn:aws:apprunner:us-east-1:123456789012:service/web-app",
		"arn:aws:apprunner:us-east-1:12345:service/web-app/" + id,
		"arn:aws:apprunner:us-east-1:123456789012:autoscalingconfiguration/big/x/" + id,
		"arn:aws:apprunner:us-east-1:123456789012:service/web-app/1/" + id,
	} {
		if got, err := ParseARN(bad); CodeOf(err) != InvalidRequest {
			t.Errorf("ParseARN(%q) = %+v, %v; want InvalidRequest", bad, got, err)
		}
	}
}

func FuzzParseARN(f *testing.F) {
	f.Add("arn:aws:apprunner:us-east-1:123456789012:autoscalingconfiguration/big/3/8fe1e10304f84fd2b0df550fe98a71fa")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseARN(s)
		if err != nil {
			return
		}
		if again, err := ParseARN(a.String()); err != nil || again != a {
			t.Errorf("%q parses to %+v, which prints as %q and parses to %+v, %v", s, a, a, again, err)
		}
	})
}

func TestScalings(t *testing.T) {
	t.Parallel()
	here := Place{Account: "123456789012", Region: "us-east-1"}
	all := FirstScalings(here, noon)
	add := func(name string, s Scaling) ScalingConfiguration {
		t.Helper()
		c, err := all.Add(here, name, s, ScalingNamesQuota, NewID(), noon)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		return c
	}
	first := add("big", Scaling{MaxConcurrency: 10, MinSize: 1, MaxSize: 2})
	second := add("big", Scaling{MaxConcurrency: 20, MinSize: 1, MaxSize: 2})
	if first.Revision != 1 || second.Revision != 2 {
		t.Errorf("revisions are %d and %d, want 1 and 2", first.Revision, second.Revision)
	}
	if all.Latest(first) || !all.Latest(second) {
		t.Error("the latest revision is not the second")
	}
	for arn, want := range map[string]string{
		strings.TrimSuffix(second.ARN, "/2/"+second.ARN[strings.LastIndex(second.ARN, "/")+1:]): second.ARN,
		first.ARN: first.ARN,
		first.ARN[:strings.LastIndex(first.ARN, "/")]: first.ARN,
	} {
		if got, err := all.Find(arn, here); err != nil || got.ARN != want {
			t.Errorf("Find(%q) = %q, %v; want %q", arn, got.ARN, err, want)
		}
	}
	if _, err := all.Find(first.ARN, Place{Account: here.Account, Region: "eu-west-1"}); CodeOf(err) != ResourceNotFound {
		t.Errorf("a configuration of another Region is found: %v", err)
	}
	if _, err := all.Delete(all[0].ARN, all[0], false, nil, noon); CodeOf(err) != InvalidRequest {
		t.Errorf("the default was deleted: %v", err)
	}
	if _, err := all.Delete(first.ARN, first, false, map[string]bool{first.ARN: true}, noon); CodeOf(err) != InvalidRequest {
		t.Errorf("a configuration in use was deleted: %v", err)
	}
	if _, err := all.Add(here, "bad", Scaling{MaxConcurrency: 1, MinSize: 3, MaxSize: 2}, ScalingNamesQuota, "x", noon); CodeOf(err) != InvalidRequest {
		t.Errorf("MinSize above MaxSize was accepted: %v", err)
	}
	for range ScalingPerNameQuota - 2 {
		add("big", DefaultScaling())
	}
	if _, err := all.Add(here, "big", DefaultScaling(), ScalingNamesQuota, "x", noon); CodeOf(err) != ServiceQuotaExceeded {
		t.Errorf("a sixth revision was accepted: %v", err)
	}
	names := map[string]bool{}
	for _, c := range all {
		names[c.Name] = true
	}
	if _, err := all.Add(here, "one-more", DefaultScaling(), len(names), "x", noon); CodeOf(err) != ServiceQuotaExceeded {
		t.Errorf("a name beyond the quota was accepted: %v", err)
	}
	if _, err := all.Add(here, "one-more", DefaultScaling(), len(names)+1, "x", noon); err != nil {
		t.Errorf("a name within the quota: %v", err)
	}
}

func TestNewSubdomain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := NewSubdomain()
		if len(s) != 10 || s[0] < 'a' || s[0] > 'z' || strings.ToLower(s) != s {
			t.Fatalf("%q is not ten lowercase letters and digits that begin with a letter", s)
		}
	})
}
