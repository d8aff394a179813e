package conformance

import (
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"
)

// defaultScaling is the auto scaling configuration that every Region begins with.
func defaultScaling(region string) string {
	return "arn:aws:apprunner:" + region + ":000000000000:autoscalingconfiguration/DefaultConfiguration/1/00000000000000000000000000000001"
}

// lower are the statuses of auto scaling configurations, which AWS answers in lower case, against
// its own model.
const lower, lowerGone = types.AutoScalingConfigurationStatus("active"), types.AutoScalingConfigurationStatus("inactive")

func (c *goClient) scaling(t *testing.T, in *sdk.CreateAutoScalingConfigurationInput) *types.AutoScalingConfiguration {
	t.Helper()
	return must[sdk.CreateAutoScalingConfigurationOutput](t)(c.CreateAutoScalingConfiguration(t.Context(), in)).AutoScalingConfiguration
}

// byName is the ARN that ends after the name, of a configuration that was remembered.
func (c *goClient) byName(key string) *string {
	return new(strings.Join(strings.Split(*c.arns[key], "/")[:2], "/"))
}

// scalingSteps use the services that serviceSteps left.
var scalingSteps = []step{
	{"CreateAutoScalingConfiguration/defaults and revisions", func(t *testing.T, c *goClient) {
		one := c.scaling(t, &sdk.CreateAutoScalingConfigurationInput{AutoScalingConfigurationName: new("busy")})
		two := c.scaling(t, &sdk.CreateAutoScalingConfigurationInput{AutoScalingConfigurationName: new("busy"), MaxConcurrency: new(int32(7)), MinSize: new(int32(1)), MaxSize: new(int32(2))})
		c.arns["busy/1"], c.arns["busy/2"] = one.AutoScalingConfigurationArn, two.AutoScalingConfigurationArn
		if *one.MaxConcurrency != 100 || *one.MinSize != 1 || *one.MaxSize != 25 || *one.AutoScalingConfigurationRevision != 1 || one.Status != lower || *one.IsDefault || *one.HasAssociatedService {
			t.Errorf("the first revision is %+v", one)
		}
		if *two.MaxConcurrency != 7 || *two.MaxSize != 2 || *two.AutoScalingConfigurationRevision != 2 || !*two.Latest || two.CreatedAt == nil || two.DeletedAt != nil {
			t.Errorf("the second revision is %+v", two)
		}
	}},
	{"CreateAutoScalingConfiguration/MinSize above MaxSize", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "MinSize 3 is above MaxSize 2.")(c.CreateAutoScalingConfiguration(t.Context(),
			&sdk.CreateAutoScalingConfigurationInput{AutoScalingConfigurationName: new("wrong"), MinSize: new(int32(3)), MaxSize: new(int32(2))}))
	}},
	{"CreateAutoScalingConfiguration/more revisions than the quota", func(t *testing.T, c *goClient) {
		many := &sdk.CreateAutoScalingConfigurationInput{AutoScalingConfigurationName: new("many")}
		for range 5 {
			c.arns["many"] = c.scaling(t, many).AutoScalingConfigurationArn
		}
		refused[quotaExceeded](t, "5 active revisions")(c.CreateAutoScalingConfiguration(t.Context(), many))
	}},
	{"DescribeAutoScalingConfiguration/by all three forms of ARN", func(t *testing.T, c *goClient) {
		name := *c.byName("busy/1")
		for arn, want := range map[string]string{name: "busy/2", name + "/1": "busy/1", name + "/2": "busy/2", *c.arns["busy/1"]: "busy/1"} {
			out := must[sdk.DescribeAutoScalingConfigurationOutput](t)(c.DescribeAutoScalingConfiguration(t.Context(), &sdk.DescribeAutoScalingConfigurationInput{AutoScalingConfigurationArn: &arn}))
			if got := *out.AutoScalingConfiguration.AutoScalingConfigurationArn; got != *c.arns[want] {
				t.Errorf("%s describes %s", arn, got)
			}
			if latest := *out.AutoScalingConfiguration.Latest; latest != (want == "busy/2") {
				t.Errorf("Latest of %s is %v", arn, latest)
			}
		}
	}},
	{"DescribeAutoScalingConfiguration/the default", func(t *testing.T, c *goClient) {
		out := must[sdk.DescribeAutoScalingConfigurationOutput](t)(c.DescribeAutoScalingConfiguration(t.Context(), &sdk.DescribeAutoScalingConfigurationInput{AutoScalingConfigurationArn: new(defaultScaling("us-east-1"))}))
		if d := out.AutoScalingConfiguration; !*d.IsDefault || !*d.HasAssociatedService || *d.AutoScalingConfigurationRevision != 1 {
			t.Errorf("it is %+v", d)
		}
	}},
	{"DescribeAutoScalingConfiguration/no such configuration", func(t *testing.T, c *goClient) {
		refused[notFound](t, "nothing")(c.DescribeAutoScalingConfiguration(t.Context(), &sdk.DescribeAutoScalingConfigurationInput{
			AutoScalingConfigurationArn: new("arn:aws:apprunner:us-east-1:000000000000:autoscalingconfiguration/nothing"),
		}))
	}},
	{"ListAutoScalingConfigurations/latest only, every revision, one name, page by page", listScalings},
	{"UpdateService/an auto scaling configuration by name", func(t *testing.T, c *goClient) {
		must[sdk.UpdateServiceOutput](t)(c.UpdateService(t.Context(), &sdk.UpdateServiceInput{ServiceArn: c.arns["shop"], AutoScalingConfigurationArn: c.byName("busy/1")}))
		s := c.await(t, c.arns["shop"], types.ServiceStatusRunning)
		if got := s.AutoScalingConfigurationSummary; *got.AutoScalingConfigurationArn != *c.arns["busy/2"] || got.AutoScalingConfigurationRevision != 2 {
			t.Errorf("it is %+v", got)
		}
	}},
	{"ListServicesForAutoScalingConfiguration/who uses it", func(t *testing.T, c *goClient) {
		out := must[sdk.ListServicesForAutoScalingConfigurationOutput](t)(c.ListServicesForAutoScalingConfiguration(t.Context(),
			&sdk.ListServicesForAutoScalingConfigurationInput{AutoScalingConfigurationArn: c.arns["busy/2"]}))
		if !slices.Equal(out.ServiceArnList, []string{*c.arns["shop"]}) {
			t.Errorf("the users are %q", out.ServiceArnList)
		}
	}},
	{"ListServicesForAutoScalingConfiguration/page by page", func(t *testing.T, c *goClient) {
		p := sdk.NewListServicesForAutoScalingConfigurationPaginator(c, &sdk.ListServicesForAutoScalingConfigurationInput{
			AutoScalingConfigurationArn: new(defaultScaling("us-east-1")), MaxResults: new(int32(1)),
		})
		var got []string
		for _, page := range pages(t, p.HasMorePages, p.NextPage) {
			got = append(got, page.ServiceArnList...)
		}
		if want := []string{*c.arns["least"], *c.arns["failed"]}; len(got) != 2 || !slices.Contains(got, want[0]) || !slices.Contains(got, want[1]) {
			t.Errorf("the users are %q, want %q", got, want)
		}
	}},
	{"ListServicesForAutoScalingConfiguration/no such configuration", func(t *testing.T, c *goClient) {
		refused[notFound](t, "nothing")(c.ListServicesForAutoScalingConfiguration(t.Context(), &sdk.ListServicesForAutoScalingConfigurationInput{
			AutoScalingConfigurationArn: new("arn:aws:apprunner:us-east-1:000000000000:autoscalingconfiguration/nothing/1"),
		}))
	}},
	{"UpdateDefaultAutoScalingConfiguration/for services to come", func(t *testing.T, c *goClient) {
		set := func(arn string) *types.AutoScalingConfiguration {
			return must[sdk.UpdateDefaultAutoScalingConfigurationOutput](t)(c.UpdateDefaultAutoScalingConfiguration(t.Context(),
				&sdk.UpdateDefaultAutoScalingConfigurationInput{AutoScalingConfigurationArn: &arn})).AutoScalingConfiguration
		}
		if got := set(*c.arns["busy/1"]); !*got.IsDefault || *got.AutoScalingConfigurationArn != *c.arns["busy/1"] {
			t.Errorf("the new default is %+v", got)
		}
		refused[invalidRequest](t, "is the default")(c.DeleteAutoScalingConfiguration(t.Context(), &sdk.DeleteAutoScalingConfigurationInput{AutoScalingConfigurationArn: c.arns["busy/1"]}))
		s := must[sdk.DescribeServiceOutput](t)(c.DescribeService(t.Context(), &sdk.DescribeServiceInput{ServiceArn: c.arns["least"]}))
		if got := *s.Service.AutoScalingConfigurationSummary.AutoScalingConfigurationArn; got != defaultScaling("us-east-1") {
			t.Errorf("a service of before has %s", got)
		}
		set(defaultScaling("us-east-1"))
	}},
	{"UpdateDefaultAutoScalingConfiguration/no such configuration", func(t *testing.T, c *goClient) {
		refused[notFound](t, "nothing")(c.UpdateDefaultAutoScalingConfiguration(t.Context(), &sdk.UpdateDefaultAutoScalingConfigurationInput{
			AutoScalingConfigurationArn: new("arn:aws:apprunner:us-east-1:000000000000:autoscalingconfiguration/nothing"),
		}))
	}},
	{"DeleteAutoScalingConfiguration/one that is in use", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "is in use by a service")(c.DeleteAutoScalingConfiguration(t.Context(), &sdk.DeleteAutoScalingConfigurationInput{AutoScalingConfigurationArn: c.arns["busy/2"]}))
	}},
	{"DeleteAutoScalingConfiguration/one revision", func(t *testing.T, c *goClient) {
		out := must[sdk.DeleteAutoScalingConfigurationOutput](t)(c.DeleteAutoScalingConfiguration(t.Context(), &sdk.DeleteAutoScalingConfigurationInput{AutoScalingConfigurationArn: c.arns["busy/1"]}))
		if got := out.AutoScalingConfiguration; got.Status != lowerGone || got.DeletedAt == nil {
			t.Errorf("answered %+v", got)
		}
		refused[invalidRequest](t, "is inactive")(c.UpdateService(t.Context(), &sdk.UpdateServiceInput{ServiceArn: c.arns["least"], AutoScalingConfigurationArn: c.arns["busy/1"]}))
	}},
	{"DeleteAutoScalingConfiguration/all revisions of a name", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "DeleteAllRevisions needs an ARN that ends after the name")(c.DeleteAutoScalingConfiguration(t.Context(),
			&sdk.DeleteAutoScalingConfigurationInput{AutoScalingConfigurationArn: c.arns["many"], DeleteAllRevisions: true}))
		out := must[sdk.DeleteAutoScalingConfigurationOutput](t)(c.DeleteAutoScalingConfiguration(t.Context(),
			&sdk.DeleteAutoScalingConfigurationInput{AutoScalingConfigurationArn: c.byName("many"), DeleteAllRevisions: true}))
		if got := out.AutoScalingConfiguration; got.Status != lowerGone || *got.AutoScalingConfigurationName != "many" || got.MaxSize != nil {
			t.Errorf("answered %+v", got)
		}
	}},
	{"DeleteAutoScalingConfiguration/no such configuration", func(t *testing.T, c *goClient) {
		refused[notFound](t, "many")(c.DeleteAutoScalingConfiguration(t.Context(), &sdk.DeleteAutoScalingConfigurationInput{AutoScalingConfigurationArn: c.byName("many")}))
	}},
}

func listScalings(t *testing.T, c *goClient) {
	for _, l := range []struct {
		reason string
		in     sdk.ListAutoScalingConfigurationsInput
		want   []string
	}{
		{"only the latest of each name, unless asked", sdk.ListAutoScalingConfigurationsInput{}, []string{"DefaultConfiguration/1", "busy/2", "many/5"}},
		{"only the latest of each name", sdk.ListAutoScalingConfigurationsInput{LatestOnly: true}, []string{"DefaultConfiguration/1", "busy/2", "many/5"}},
		{"one name", sdk.ListAutoScalingConfigurationsInput{AutoScalingConfigurationName: new("busy")}, []string{"busy/2"}},
		{"no such name", sdk.ListAutoScalingConfigurationsInput{AutoScalingConfigurationName: new("nothing")}, nil},
	} {
		l.in.MaxResults = new(int32(2))
		p := sdk.NewListAutoScalingConfigurationsPaginator(c, &l.in)
		var got []string
		for _, page := range pages(t, p.HasMorePages, p.NextPage) {
			for _, s := range page.AutoScalingConfigurationSummaryList {
				parts := strings.Split(*s.AutoScalingConfigurationArn, "/")
				got = append(got, parts[1]+"/"+parts[2])
				if s.Status != lower {
					t.Errorf("%s is %q", *s.AutoScalingConfigurationArn, s.Status)
				}
			}
		}
		if slices.Sort(got); !slices.Equal(got, l.want) {
			t.Errorf("%s: got %q, want %q", l.reason, got, l.want)
		}
	}
}
