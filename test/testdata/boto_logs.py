"""CloudWatch Logs seen by boto3. Arguments: the name of a service, and how many lines it wrote with "line". It
fails at the first thing that is not as in AWS."""

import sys

import boto3
from botocore.config import Config

service, lines = sys.argv[1], int(sys.argv[2])
logs = boto3.client("logs", config=Config(retries={"total_max_attempts": 1}))


def refused(exception, text, call, **arguments):
    try:
        answer = call(**arguments)
    except exception as e:
        assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 400, e.response
        assert text in e.response["Error"]["Message"], e.response
    else:
        raise AssertionError(f"it was allowed: {answer}")


def every(operation, member, **arguments):
    return [item for page in logs.get_paginator(operation).paginate(**arguments) for item in page[member]]


groups = every("describe_log_groups", "logGroups", logGroupNamePrefix=f"/aws/apprunner/{service}/", PaginationConfig={"PageSize": 1})
assert [g["logGroupName"].split("/")[-1] for g in groups] == ["application", "service"], groups
assert all(g["retentionInDays"] == 14 and g["creationTime"] > 0 and g["storedBytes"] > 0 for g in groups), groups
app, events = groups[0]["logGroupName"], groups[1]["logGroupName"]
assert logs.describe_log_groups(logGroupNamePattern=service.upper())["logGroups"], "a pattern without case"
assert logs.describe_log_groups(logGroupNamePrefix="/aws/lambda")["logGroups"] == []

streams = every("describe_log_streams", "logStreams", logGroupName=app)
assert len(streams) == 1 and streams[0]["logStreamName"].startswith("instance/"), streams
stream = streams[0]["logStreamName"]
assert streams[0]["firstEventTimestamp"] <= streams[0]["lastEventTimestamp"], streams
byTime = every("describe_log_streams", "logStreams", logGroupName=events, orderBy="LastEventTime", descending=True, PaginationConfig={"PageSize": 1})
assert {s["logStreamName"].split("/")[0] for s in byTime} == {"events", "deployment"} and len(byTime) == 2, byTime

# A search, page by page, has every line once and in order.
found = every("filter_log_events", "events", logGroupName=app, filterPattern='"line"', PaginationConfig={"PageSize": 7})
assert [e["message"].split()[-1] for e in found] == [str(n) for n in range(lines)], found
assert len({e["eventId"] for e in found}) == lines and all(e["logStreamName"] == stream for e in found), found
middle = found[lines // 2]["timestamp"]
later = every("filter_log_events", "events", logGroupIdentifier=groups[0]["logGroupArn"], filterPattern="line", startTime=middle)
assert later == [e for e in found if e["timestamp"] >= middle], later
until = every("filter_log_events", "events", logGroupName=app, filterPattern="line", endTime=middle, logStreamNames=[stream])
assert until == [e for e in found if e["timestamp"] <= middle], until
assert logs.filter_log_events(logGroupName=app, filterPattern="nowhere")["events"] == []

for pattern, want in {
    '{ $.took > 20 }': 0,
    '{ $.took <= 12.5 || $.level NOT EXISTS }': 1,
    '"line 7"': 1,
    '?"line 7" ?"line 8"': 2,
    '%line [12]\\d$%': 20,
    '[word = line, n > 27]': 2,
    'line -"line 1"': lines - 11,
}.items():
    got = logs.filter_log_events(logGroupName=app, filterPattern=pattern)["events"]
    assert len(got) == want, (pattern, got)
elsewhere = boto3.client("logs", region_name="eu-west-1")
assert elsewhere.describe_log_groups()["logGroups"] == []

# A stream forward from its beginning, and backward from its end.
forward, token = [], {"startFromHead": True}
while True:
    page = logs.get_log_events(logGroupName=app, logStreamName=stream, limit=5, **token)
    if page["nextForwardToken"] == token.get("nextToken"):
        break
    forward, token = forward + page["events"], {"nextToken": page["nextForwardToken"]}
backward, token = [], {}
while True:
    page = logs.get_log_events(logGroupName=app, logStreamName=stream, limit=5, **token)
    if page["nextBackwardToken"] == token.get("nextToken"):
        break
    backward, token = page["events"] + backward, {"nextToken": page["nextBackwardToken"]}
assert forward == backward and len(forward) >= lines, (forward, backward)
until = logs.get_log_events(logGroupName=app, logStreamName=stream, startFromHead=True, endTime=middle)["events"]
assert until == [e for e in forward if e["timestamp"] < middle], until

notFound, invalid = logs.exceptions.ResourceNotFoundException, logs.exceptions.InvalidParameterException
refused(notFound, "The specified log group does not exist.", logs.filter_log_events, logGroupName=app + "x")
refused(notFound, "The specified log group does not exist.", elsewhere.get_log_events, logGroupName=app, logStreamName=stream)
refused(notFound, "The specified log stream does not exist.", logs.get_log_events, logGroupName=app, logStreamName="instance/x")
refused(invalid, "nextToken is invalid", logs.get_log_events, logGroupName=app, logStreamName=stream, nextToken="x")
refused(invalid, "nextToken is invalid", logs.filter_log_events, logGroupName=app, nextToken="x")
refused(invalid, "Exactly one of", logs.filter_log_events, filterPattern="x")
refused(invalid, "Cannot order by LastEventTime", logs.describe_log_streams, logGroupName=app, orderBy="LastEventTime", logStreamNamePrefix="x")
refused(invalid, "Invalid filter pattern", logs.filter_log_events, logGroupName=app, filterPattern="{ $.a }")
refused(invalid, "Invalid retentionInDays 4", logs.put_retention_policy, logGroupName=app, retentionInDays=4)
logs.put_retention_policy(logGroupName=events, retentionInDays=30)
assert [g["retentionInDays"] for g in logs.describe_log_groups()["logGroups"]] == [14, 30]
logs.delete_retention_policy(logGroupName=events)
assert [g["retentionInDays"] for g in logs.describe_log_groups()["logGroups"]] == [14, 14]
