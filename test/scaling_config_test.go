package test

import (
	"strings"
	"testing"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// scalingAnswer is what the AWS CLI prints of an auto scaling configuration.
type scalingAnswer struct {
	AutoScalingConfiguration struct {
		AutoScalingConfigurationArn             string
		AutoScalingConfigurationRevision        int
		Status                                  string
		Latest, IsDefault, HasAssociatedService bool
		MaxConcurrency, MinSize, MaxSize        int
		AutoScalingConfigurationName            string
		DeletedAt                               any
	}
}

func testScalingConfigurations(t *testing.T, s *kit.Slipway) {
	s.Region = "eu-central-1" // which has a default of its own
	var first, second, found scalingAnswer
	s.AWS(&first, "create-auto-scaling-configuration", "--auto-scaling-configuration-name", "busy", "--max-concurrency", "7")
	s.AWS(&second, "create-auto-scaling-configuration", "--auto-scaling-configuration-name", "busy", "--min-size", "1", "--max-size", "3")
	one, two := first.AutoScalingConfiguration, second.AutoScalingConfiguration
	if one.AutoScalingConfigurationRevision != 1 || two.AutoScalingConfigurationRevision != 2 || one.Status != "active" || !two.Latest {
		t.Errorf("made %+v and %+v", one, two)
	}
	if one.MaxConcurrency != 7 || one.MinSize != 1 || one.MaxSize != 25 || two.MaxConcurrency != 100 {
		t.Errorf("the defaults are not App Runner's: %+v, %+v", one, two)
	}
	byName := one.AutoScalingConfigurationArn[:strings.LastIndex(one.AutoScalingConfigurationArn, "/1/")]
	for arn, want := range map[string]string{
		byName: two.AutoScalingConfigurationArn, byName + "/1": one.AutoScalingConfigurationArn,
		byName + "/2": two.AutoScalingConfigurationArn, one.AutoScalingConfigurationArn: one.AutoScalingConfigurationArn,
	} {
		s.AWS(&found, "describe-auto-scaling-configuration", "--auto-scaling-configuration-arn", arn)
		if found.AutoScalingConfiguration.AutoScalingConfigurationArn != want {
			t.Errorf("%s describes %+v, want %s", arn, found, want)
		}
	}

	// In use: by the ARN that ends after the name.
	in := s.Input("scaled", "mimic:v1")
	in.AutoScalingConfigurationArn = &byName
	service := s.Run(in)
	if got := *service.AutoScalingConfigurationSummary.AutoScalingConfigurationArn; got != two.AutoScalingConfigurationArn {
		t.Errorf("the service has %s, want the latest revision", got)
	}
	var users struct{ ServiceArnList []string }
	s.AWS(&users, "list-services-for-auto-scaling-configuration", "--auto-scaling-configuration-arn", two.AutoScalingConfigurationArn)
	if len(users.ServiceArnList) != 1 || users.ServiceArnList[0] != *service.ServiceArn {
		t.Errorf("the users are %v", users)
	}
	s.AWS(&found, "describe-auto-scaling-configuration", "--auto-scaling-configuration-arn", byName)
	if !found.AutoScalingConfiguration.HasAssociatedService {
		t.Error("HasAssociatedService is false")
	}
	refused(t, s, "is in use by a service", "delete-auto-scaling-configuration", "--auto-scaling-configuration-arn", byName)
	refused(t, s, "is in use by a service", "delete-auto-scaling-configuration", "--auto-scaling-configuration-arn", byName, "--delete-all-revisions")

	// The default.
	s.AWS(&found, "update-default-auto-scaling-configuration", "--auto-scaling-configuration-arn", one.AutoScalingConfigurationArn)
	if !found.AutoScalingConfiguration.IsDefault {
		t.Errorf("the new default is %+v", found)
	}
	refused(t, s, "is the default", "delete-auto-scaling-configuration", "--auto-scaling-configuration-arn", one.AutoScalingConfigurationArn)
	created, _ := s.Create(s.Input("by-default", "mimic:v1"))
	if got := *created.AutoScalingConfigurationSummary.AutoScalingConfigurationArn; got != one.AutoScalingConfigurationArn {
		t.Errorf("a service that names none has %s, want the default", got)
	}
	s.AWS(nil, "update-default-auto-scaling-configuration", "--auto-scaling-configuration-arn",
		"arn:aws:apprunner:eu-central-1:000000000000:autoscalingconfiguration/DefaultConfiguration/1/00000000000000000000000000000001")

	wantListed(t, s, []string{"DefaultConfiguration/1", "busy/2"})
	wantListed(t, s, []string{"DefaultConfiguration/1", "busy/1", "busy/2"}, "--no-latest-only")
	s.Await(*created.ServiceArn, apprunnerapi.ServiceStatusRunning)
	s.Delete(*service.ServiceArn)
	s.Delete(*created.ServiceArn)
	s.AWS(&found, "delete-auto-scaling-configuration", "--auto-scaling-configuration-arn", byName)
	if c := found.AutoScalingConfiguration; c.Status != "inactive" || c.AutoScalingConfigurationRevision != 2 || c.DeletedAt == nil {
		t.Errorf("deleted %+v", c)
	}
	s.AWS(nil, "delete-auto-scaling-configuration", "--auto-scaling-configuration-arn", byName, "--delete-all-revisions")
	wantListed(t, s, []string{"DefaultConfiguration/1"}, "--no-latest-only")
	err := s.Call("CreateAutoScalingConfiguration", map[string]any{"AutoScalingConfigurationName": "wrong", "MinSize": 5, "MaxSize": 2}, nil)
	s.WantError(err, "InvalidRequestException", "MinSize 5 is above MaxSize 2")
}

// refused fails the test unless the AWS CLI is refused with text.
func refused(t *testing.T, s *kit.Slipway, text string, args ...string) {
	t.Helper()
	_, errOut, err := s.TryAWS(args...)
	if err == nil || !strings.Contains(errOut, "InvalidRequestException") || !strings.Contains(errOut, text) {
		t.Errorf("aws apprunner %s: %v %s, want it refused: %s", strings.Join(args, " "), err, errOut, text)
	}
}

func wantListed(t *testing.T, s *kit.Slipway, want []string, args ...string) {
	t.Helper()
	var list struct {
		AutoScalingConfigurationSummaryList []struct{ AutoScalingConfigurationArn, Status string }
	}
	s.AWS(&list, append([]string{"list-auto-scaling-configurations"}, args...)...)
	var got []string
	for _, c := range list.AutoScalingConfigurationSummaryList {
		parts := strings.Split(c.AutoScalingConfigurationArn, "/")
		got = append(got, parts[1]+"/"+parts[2])
		if c.Status != "active" {
			t.Errorf("%s is listed and %q", c.AutoScalingConfigurationArn, c.Status)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("list-auto-scaling-configurations %v has %v, want %v", args, got, want)
	}
}
