"""CloudWatch metrics seen by boto3. Arguments: the ids of the services "watched" and "other", and how many requests
the first one answered well. It fails at the first thing that is not as in AWS."""

import sys
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

watched, other, requests = sys.argv[1], sys.argv[2], int(sys.argv[3])
watch = boto3.client("cloudwatch", config=Config(retries={"total_max_attempts": 1}))
end = datetime.now(timezone.utc) + timedelta(minutes=1)
start = end - timedelta(hours=1)


def dimensions(**values):
    return [{"Name": name, "Value": value} for name, value in values.items()]


def refused(code, text, call, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code and text in e.response["Error"]["Message"], e.response
    else:
        raise AssertionError(f"it was allowed: {answer}")


def listed(**arguments):
    return [m for page in watch.get_paginator("list_metrics").paginate(**arguments) for m in page["Metrics"]]


# What there is.
service = dimensions(ServiceName="watched", ServiceID=watched)
every = listed(Namespace="AWS/AppRunner", Dimensions=service, RecentlyActive="PT3H")
names = {m["MetricName"] for m in every if len(m["Dimensions"]) == 2}
assert names == {
    "CPUUtilization", "MemoryUtilization", "Concurrency", "Requests", "2xxStatusResponses", "4xxStatusResponses",
    "5xxStatusResponses", "RequestLatency", "ActiveInstances",
}, names
instances = {d["Value"] for m in every for d in m["Dimensions"] if d["Name"] == "Instance"}
assert len(instances) == 1, instances
instance = instances.pop()
assert {d["Value"] for m in listed(MetricName="Requests", Dimensions=[{"Name": "ServiceName"}]) for d in m["Dimensions"] if d["Name"] == "ServiceName"} == {"watched", "other"}
assert {m["MetricName"] for m in listed(Namespace="Slipway", Dimensions=service)} == {"QueueTime", "WakeTime", "ColdStarts"}
assert listed(Namespace="AWS/EC2") == [] and boto3.client("cloudwatch", region_name="eu-west-1").list_metrics()["Metrics"] == []


# Statistics of one metric.
def statistics(metric, dims=service, **arguments):
    arguments = {"Namespace": "AWS/AppRunner", "StartTime": start, "EndTime": end, "Period": 3600, **arguments}
    return watch.get_metric_statistics(MetricName=metric, Dimensions=dims, **arguments)["Datapoints"]


good = statistics("2xxStatusResponses", Statistics=["Sum"])
assert sum(p["Sum"] for p in good) == requests + 1 and all(p["Unit"] == "Count" for p in good), good
assert sum(p["Sum"] for p in statistics("5xxStatusResponses", Statistics=["Sum"])) == 1
assert sum(p["Sum"] for p in statistics("Requests", dims=service + dimensions(Instance=instance), Statistics=["Sum"])) == requests + 2
slow = statistics("RequestLatency", ExtendedStatistics=["p50", "p99.9"])
assert slow and all(0 < p["ExtendedStatistics"]["p50"] <= p["ExtendedStatistics"]["p99.9"] and p["Unit"] == "Milliseconds" for p in slow), slow
assert statistics("Requests", dims=dimensions(ServiceName="watched"), Statistics=["Sum"]) == [], "all dimensions count"
assert statistics("Requests", Statistics=["Sum"], Unit="Percent") == [], "another unit"
refused("InvalidParameterCombination", "exceeds the limit of 1440", statistics, metric="Requests", Statistics=["Sum"], StartTime=end - timedelta(days=3), Period=60)
refused("MissingParameter", "Must specify either", statistics, metric="Requests")
refused("InvalidParameterValue", "Period", statistics, metric="Requests", Statistics=["Sum"], Period=90)
refused("InvalidParameterValue", "p101", statistics, metric="Requests", ExtendedStatistics=["p101"])


# Several metrics, and what expressions make of them.
def query(id, metric, stat="Sum", period=60, **more):
    return {"Id": id, "MetricStat": {"Metric": {"Namespace": "AWS/AppRunner", "MetricName": metric, "Dimensions": service}, "Stat": stat, "Period": period}, **more}


def data(*queries, **arguments):
    arguments = {"StartTime": start, "EndTime": end, **arguments}
    return [r for page in watch.get_paginator("get_metric_data").paginate(MetricDataQueries=list(queries), **arguments) for r in page["MetricDataResults"]]


cpu, memory = data(query("cpu", "CPUUtilization", "Average"), query("memory", "MemoryUtilization", "Maximum", Label="${PROP('Dim.ServiceName')} ${LABEL}"))
assert cpu["StatusCode"] == "Complete" and cpu["Label"] == "CPUUtilization" and len(cpu["Values"]) == len(cpu["Timestamps"]) > 0, cpu
assert memory["Label"] == "watched MemoryUtilization" and all(0 < v < 100 for v in memory["Values"]), memory

(share,) = data(
    query("all", "Requests", ReturnData=False), query("bad", "5xxStatusResponses", ReturnData=False),
    {"Id": "share", "Expression": "100 * SUM(METRICS(\"bad\")) / SUM(all) + 0 * bad", "Label": "errors"},
)
assert share["Label"] == "errors" and abs(max(share["Values"]) - 100 / (requests + 2)) < 0.01, share

# As Grafana asks, for some services and for all.
grafana = "REMOVE_EMPTY(SEARCH('{\"AWS/AppRunner\",\"ServiceID\",\"ServiceName\"} MetricName=\"Requests\" \"ServiceName\"=(\"watched\" OR \"other\")', 'Sum', 3600))"
found = data({"Id": "a", "Expression": grafana, "Label": "${LABEL}|&|${PROP('Dim.ServiceName')}"})
assert {r["Label"].split("|&|")[1]: sum(r["Values"]) for r in found} == {"watched": requests + 2, "other": 1}, found
found = data({"Id": "a", "Expression": "REMOVE_EMPTY(SEARCH('Namespace=\"AWS/AppRunner\" MetricName=\"Requests\" \"Instance\"', 'Sum', 3600))"})
assert len({r["Label"] for r in found}) == 2 and sum(sum(r["Values"]) for r in found) == requests + 3, found

# Pages, in either order. The pages of a minute that begins meanwhile have more: once more, then.
def moments(results):
    return {id: [t for r in results if r["Id"] == id for t in r["Timestamps"]] for id in "ab"}


for order in ("TimestampAscending", "TimestampDescending"):
    queries = (query("a", "CPUUtilization", "Average"), query("b", "Concurrency", "Maximum"))
    for attempt in range(5):
        before = moments(data(*queries, ScanBy=order))
        pages = data(*queries, ScanBy=order, MaxDatapoints=1)
        if before == moments(data(*queries, ScanBy=order)):
            break
    assert before["a"] and before["b"] and all(times == sorted(times, reverse=order == "TimestampDescending") for times in before.values()), before
    assert moments(pages) == before, (pages, before)
    assert max(len(r["Values"]) for r in pages) == 1, pages

refused("ValidationError", "'e'", watch.get_metric_data, MetricDataQueries=[{"Id": "e", "Expression": "nobody + 1"}], StartTime=start, EndTime=end)
refused("ValidationError", "refers to itself", watch.get_metric_data, MetricDataQueries=[{"Id": "e", "Expression": "f"}, {"Id": "f", "Expression": "e"}], StartTime=start, EndTime=end)
refused("ValidationError", "StartTime", watch.get_metric_data, MetricDataQueries=[query("a", "Requests")], StartTime=end, EndTime=start)
refused("InvalidNextToken", "NextToken", watch.get_metric_data, MetricDataQueries=[query("a", "Requests")], StartTime=start, EndTime=end, NextToken="x")
