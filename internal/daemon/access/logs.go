package access

import (
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
)

// logResources are the ARNs that a call of CloudWatch Logs concerns: a stream, or a group with an empty
// stream, as AWS has them.
//
// Source: Actions, resources, and condition keys for Amazon CloudWatch Logs, Service Authorization
// Reference.
func logResources(here apprunner.Place, in awsapi.Message) []string {
	group := textOf(in, "LogGroupName")
	if arn := textOf(in, "LogGroupIdentifier"); group == "" {
		group = arn
		if parts := strings.SplitN(arn, ":", 8); len(parts) >= 7 && parts[0] == "arn" {
			group = parts[6]
		}
	}
	return []string{"arn:aws:logs:" + here.Region + ":" + here.Account + ":log-group:" + group + ":log-stream:" + textOf(in, "LogStreamName")}
}
