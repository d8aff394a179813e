package test

import (
	"testing"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// Roles that cannot be assumed are refused with the words that clients look for.
func TestRoles(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, `
account: "123456789012"
roles: {instance: [web, batch-*], access: [service-role/AppRunnerECRAccessRole]}
`)
	const instance, access = "Error in assuming instance role", "Invalid Access Role in AuthenticationConfiguration."
	create := func(instanceRole, accessRole, want string) *apprunnerapi.Service {
		t.Helper()
		var out apprunnerapi.CreateServiceOutput
		in := s.Input("role-app", "mimic:v1")
		in.InstanceConfiguration.InstanceRoleArn = &instanceRole
		in.SourceConfiguration.ImageRepository.ImageIdentifier = new("123456789012.dkr.ecr.us-east-1.amazonaws.com/absent:v1")
		in.SourceConfiguration.AuthenticationConfiguration.AccessRoleArn = &accessRole
		err := s.Call("CreateService", in, &out)
		if want != "" {
			s.WantError(err, "InvalidRequestException", want)
		} else if err != nil {
			t.Fatal(err)
		}
		return out.Service
	}
	const ours, theirs = "arn:aws:iam::123456789012:role/", "arn:aws:iam::210987654321:role/"
	const pull = "service-role/AppRunnerECRAccessRole"
	create(ours+"other", ours+pull, instance)
	create(theirs+"web", ours+pull, instance)
	create(ours+"web", theirs+pull, access)
	create(ours+"web", ours+"web", access) // there, but nobody lets App Runner's builds assume it

	made := create(ours+"batch-1", ours+pull, "")
	s.Await(*made.ServiceArn, apprunnerapi.ServiceStatusCreateFailed) // there is no such image
	err := s.Call("UpdateService", apprunnerapi.UpdateServiceInput{ServiceArn: made.ServiceArn,
		InstanceConfiguration: &apprunnerapi.InstanceConfiguration{InstanceRoleArn: new(ours + "other")}}, &apprunnerapi.UpdateServiceOutput{})
	s.WantError(err, "InvalidRequestException", instance)
	s.Delete(*made.ServiceArn)
}
