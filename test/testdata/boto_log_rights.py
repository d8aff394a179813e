"""What a key with a policy for logs may do. Argument: the group of a service, without its last part."""

import sys

import boto3

group = sys.argv[1]
logs = boto3.client("logs")
arn = "arn:aws:logs:us-east-1:000000000000:log-group:"

logs.filter_log_events(logGroupName=group + "/application")
logs.describe_log_streams(logGroupName=group + "/service")
for text, call, arguments in [
    (f"logs:FilterLogEvents on resource: {arn}{group}/service:log-stream: because", logs.filter_log_events, {"logGroupName": group + "/service"}),
    (f"{group}/service:log-stream:events because", logs.get_log_events, {"logGroupIdentifier": arn + group + "/service", "logStreamName": "events"}),
    (f"logs:DescribeLogGroups on resource: {arn}:log-stream: because", logs.describe_log_groups, {}),
    ("logs:PutRetentionPolicy", logs.put_retention_policy, {"logGroupName": group + "/application", "retentionInDays": 365}),
]:
    try:
        answer = call(**arguments)
    except logs.exceptions.ClientError as e:
        assert e.response["Error"]["Code"] == "AccessDeniedException" and text in e.response["Error"]["Message"], e.response
    else:
        raise AssertionError(f"it was allowed: {text}: {answer}")
