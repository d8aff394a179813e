package access

import (
	"context"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	"github.com/slipway-run/slipway/internal/secret"
)

// unknownEnd stands for the random end of the ARN of a secret that is not there (yet). The six question
// marks in policies, and stars, match it.
const unknownEnd = "-??????"

// secretResources are the ARNs that a call of Secrets Manager concerns.
//
// Source: Actions, resources, and condition keys for AWS Secrets Manager, Service Authorization
// Reference.
func (g *Guard) secretResources(ctx context.Context, here apprunner.Place, call awsapi.Call, in awsapi.Message) ([]string, error) {
	id := textOf(in, "SecretId")
	if call.Operation == "CreateSecret" {
		id = textOf(in, "Name")
	}
	if id == "" { // ListSecrets
		return []string{"*"}, nil
	}
	arn, err := g.Secret(ctx, here, id)
	switch {
	case err != nil || arn != "" && call.Operation != "CreateSecret":
		return []string{arn}, err
	case len(id) > 4 && id[:4] == "arn:":
		return []string{id}, nil
	default:
		return []string{"arn:aws:secretsmanager:" + here.Region + ":" + here.Account + ":secret:" + id + unknownEnd}, nil
	}
}

// parameterResources are the ARNs that a call of the Parameter Store concerns.
//
// Source: Actions, resources, and condition keys for AWS Systems Manager, Service Authorization
// Reference.
func parameterResources(here apprunner.Place, in awsapi.Message) []string {
	names := listOf(in, "Names")
	for _, member := range []string{"Name", "Path"} {
		if name := textOf(in, member); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 { // DescribeParameters
		return []string{"*"}
	}
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = secret.ParameterARN(here, secret.ParameterName(here, name))
	}
	return all
}

// secretConditions are the condition keys of both services that get their value from a member of the
// input.
var secretConditions = map[string]string{
	"secretsmanager:Name": "Name", "secretsmanager:Description": "Description", "secretsmanager:KmsKeyId": "KmsKeyId",
	"secretsmanager:VersionId": "VersionId", "secretsmanager:VersionStage": "VersionStage",
}
