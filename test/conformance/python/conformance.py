"""Slipway seen by boto3. Prints a line of JSON for each expectation; conformance_test.go reads them."""

import datetime
import json
import os
import re
import sys
import time
import traceback

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

client = boto3.client("apprunner", config=Config(retries={"total_max_attempts": 1}))
region = os.environ["AWS_REGION"]
steps = []
arns = {}
missing = f"arn:aws:apprunner:{region}:000000000000:service/nothing/" + 32 * "0"
no_scaling = f"arn:aws:apprunner:{region}:000000000000:autoscalingconfiguration/nothing"
default_scaling = f"arn:aws:apprunner:{region}:000000000000:autoscalingconfiguration/DefaultConfiguration/1/" + 31 * "0" + "1"


def step(name):
    """Registers an expectation: "Operation/what it does". They are run in order, and build on each other."""
    return lambda run: steps.append((name, run)) or run


def source(image, **variables):
    return {
        "AutoDeploymentsEnabled": False,
        "AuthenticationConfiguration": {"AccessRoleArn": os.environ["ROLE"]},
        "ImageRepository": {
            "ImageIdentifier": image,
            "ImageRepositoryType": "ECR",
            "ImageConfiguration": {"RuntimeEnvironmentVariables": variables},
        },
    }


def same(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def refused(exception, text, call, **arguments):
    """The call must raise an exception of client.exceptions, with text in its message."""
    try:
        answer = call(**arguments)
    except exception as e:
        error = e.response["Error"]
        same(error["Code"], exception.__name__)
        assert text in error["Message"], f"{text!r} is not in {error['Message']!r}"
        same(e.response["ResponseMetadata"]["HTTPStatusCode"], 400)
        same(e.response["ResponseMetadata"]["RetryAttempts"], 0)
    else:
        raise AssertionError(f"it was allowed: {answer}")


def wait(arn, status):
    end = time.monotonic() + 60
    while True:
        service = client.describe_service(ServiceArn=arn)["Service"]
        if service["Status"] == status:
            return service
        assert time.monotonic() < end, f"{arn} is still {service['Status']}, not {status}"
        time.sleep(0.05)


def pages(call, member, **arguments):
    """Follows NextToken, since botocore has no paginators for App Runner."""
    token, found = {}, []
    for _ in range(50):
        answer = call(**arguments, **token)
        found.append(answer[member])
        if "NextToken" not in answer:
            return found
        token = {"NextToken": answer["NextToken"]}
    raise AssertionError("the pages do not end")


@step("CreateService/answers what goes on")
def _():
    for name, image in (("shop", "IMAGE"), ("broken", "ABSENT")):
        answer = client.create_service(
            ServiceName=name,
            SourceConfiguration=source(os.environ[image], COLOUR="blue"),
            InstanceConfiguration={"Cpu": "0.25 vCPU", "Memory": "0.5 GB"},
            HealthCheckConfiguration={"Interval": 1, "UnhealthyThreshold": 2},
            Tags=[{"Key": "team", "Value": "blue"}],
        )
        service = answer["Service"]
        arns[name] = service["ServiceArn"]
        same(service["Status"], "OPERATION_IN_PROGRESS")
        same(answer["ResponseMetadata"]["HTTPHeaders"]["content-type"], "application/x-amz-json-1.0")
        assert re.fullmatch(r"[0-9a-f]{32}", answer["OperationId"].replace("-", "")), answer["OperationId"]
        assert re.fullmatch(r"[0-9a-f-]{36}", answer["ResponseMetadata"]["RequestId"]), answer["ResponseMetadata"]


@step("CreateService/while it goes on nothing else may")
def _():
    answer = client.create_service(ServiceName="slow", SourceConfiguration=source(os.environ["IMAGE"], START_DELAY="1h"))
    arns["slow"] = answer["Service"]["ServiceArn"]
    for call in (client.delete_service, client.pause_service, client.resume_service):
        refused(client.exceptions.InvalidStateException, "OPERATION_IN_PROGRESS", call, ServiceArn=arns["slow"])


@step("CreateService/a name that is taken")
def _():
    refused(client.exceptions.InvalidRequestException, "Service with the provided name already exists: shop.",
            client.create_service, ServiceName="shop", SourceConfiguration=source(os.environ["IMAGE"]))


@step("CreateService/what botocore refuses to send")
def _():
    try:
        client.create_service(ServiceName="shp", SourceConfiguration={})
    except ParamValidationError as e:
        assert "min length: 4" in str(e), e
    else:
        raise AssertionError("it was sent")


@step("CreateService/fills the quota")
def _():
    names = [f"full-{i}" for i in range(9)]
    there = boto3.client("apprunner", region_name="ap-northeast-1")
    absent = os.environ["ABSENT"].replace(region, "ap-northeast-1")
    for name in names[:8]:
        there.create_service(ServiceName=name, SourceConfiguration=source(absent))
    refused(there.exceptions.ServiceQuotaExceededException, "8 services in Region ap-northeast-1",
            there.create_service, ServiceName=names[8], SourceConfiguration=source(absent))


@step("DescribeService/times are times")
def _():
    service = wait(arns["shop"], "RUNNING")
    for member in ("CreatedAt", "UpdatedAt"):
        assert isinstance(service[member], datetime.datetime), service[member]
        age = datetime.datetime.now(datetime.timezone.utc) - service[member]
        assert datetime.timedelta(seconds=-2) < age < datetime.timedelta(minutes=5), age
    assert "DeletedAt" not in service and "EncryptionConfiguration" not in service, service
    same(service["InstanceConfiguration"], {"Cpu": "256", "Memory": "512"})
    same(service["NetworkConfiguration"], {
        "EgressConfiguration": {"EgressType": "DEFAULT"},
        "IngressConfiguration": {"IsPubliclyAccessible": True},
        "IpAddressType": "IPV4",
    })
    same(service["ObservabilityConfiguration"], {"ObservabilityEnabled": False})


@step("DescribeService/no such service")
def _():
    refused(client.exceptions.ResourceNotFoundException, missing, client.describe_service, ServiceArn=missing)


@step("DescribeService/a failed one")
def _():
    wait(arns["broken"], "CREATE_FAILED")


@step("ListServices/page by page, and all at once")
def _():
    found = pages(client.list_services, "ServiceSummaryList", MaxResults=1)
    same([[s["ServiceName"] for s in page] for page in found], [["slow"], ["broken"], ["shop"]])
    answer = client.list_services()
    same(len(answer["ServiceSummaryList"]), 3)
    assert "NextToken" not in answer, answer


@step("ListServices/unsigned and wrongly signed")
def _():
    def code(**arguments):
        try:
            boto3.client("apprunner", **arguments).list_services()
        except ClientError as e:
            return e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]
        raise AssertionError("it was allowed")

    same(code(config=Config(signature_version=UNSIGNED)), ("MissingAuthenticationTokenException", 403))
    same(code(aws_access_key_id="AKIANOBODY0000000000", aws_secret_access_key="x"), ("UnrecognizedClientException", 403))
    same(code(aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="wrong"), ("InvalidSignatureException", 403))


@step("UpdateService/a variable")
def _():
    answer = client.update_service(ServiceArn=arns["shop"], SourceConfiguration=source(os.environ["IMAGE"], COLOUR="green"))
    assert answer["OperationId"], answer
    service = wait(arns["shop"], "RUNNING")
    same(service["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]["RuntimeEnvironmentVariables"], {"COLOUR": "green"})


@step("UpdateService/nothing to change")
def _():
    refused(client.exceptions.InvalidRequestException, "No configurations provided in the UpdateService request.",
            client.update_service, ServiceArn=arns["shop"])


@step("UpdateService/a failed service is built again")
def _():
    client.update_service(ServiceArn=arns["broken"], SourceConfiguration=source(os.environ["IMAGE"]))
    wait(arns["broken"], "RUNNING")


@step("StartDeployment/an operation that succeeds")
def _():
    operation = client.start_deployment(ServiceArn=arns["shop"])["OperationId"]
    wait(arns["shop"], "RUNNING")
    newest = client.list_operations(ServiceArn=arns["shop"], MaxResults=1)["OperationSummaryList"][0]
    same((newest["Id"], newest["Type"], newest["Status"]), (operation, "START_DEPLOYMENT", "SUCCEEDED"))
    assert newest["EndedAt"] >= newest["StartedAt"], newest


@step("PauseService/twice")
def _():
    assert client.pause_service(ServiceArn=arns["shop"])["OperationId"]
    wait(arns["shop"], "PAUSED")
    again = client.pause_service(ServiceArn=arns["shop"])
    assert "OperationId" not in again, again
    same(again["Service"]["Status"], "PAUSED")
    refused(client.exceptions.InvalidStateException, "PAUSED", client.update_service, ServiceArn=arns["shop"],
            InstanceConfiguration={"Cpu": "512", "Memory": "1024"})
    refused(client.exceptions.InvalidRequestException, "PAUSED", client.start_deployment, ServiceArn=arns["shop"])


@step("ResumeService/twice")
def _():
    assert client.resume_service(ServiceArn=arns["shop"])["OperationId"]
    wait(arns["shop"], "RUNNING")
    again = client.resume_service(ServiceArn=arns["shop"])
    assert "OperationId" not in again, again


@step("ListOperations/newest first, page by page")
def _():
    found = pages(client.list_operations, "OperationSummaryList", ServiceArn=arns["shop"], MaxResults=2)
    same([[o["Type"] for o in page] for page in found],
         [["RESUME_SERVICE", "PAUSE_SERVICE"], ["START_DEPLOYMENT", "UPDATE_SERVICE"], ["CREATE_SERVICE"]])


@step("ListTagsForResource/as created")
def _():
    same(client.list_tags_for_resource(ResourceArn=arns["shop"])["Tags"], [{"Key": "team", "Value": "blue"}])


@step("TagResource/a key is overwritten")
def _():
    client.tag_resource(ResourceArn=arns["shop"], Tags=[{"Key": "team", "Value": "red"}, {"Key": "stage", "Value": ""}])
    tags = client.list_tags_for_resource(ResourceArn=arns["shop"])["Tags"]
    same({t["Key"]: t["Value"] for t in tags}, {"team": "red", "stage": ""})


@step("UntagResource/a key is taken away")
def _():
    client.untag_resource(ResourceArn=arns["shop"], TagKeys=["team"])
    same(client.list_tags_for_resource(ResourceArn=arns["shop"])["Tags"], [{"Key": "stage", "Value": ""}])


@step("CreateAutoScalingConfiguration/revisions and their quota")
def _():
    for revision in range(1, 6):
        made = client.create_auto_scaling_configuration(AutoScalingConfigurationName="busy", MaxConcurrency=revision)["AutoScalingConfiguration"]
        same((made["AutoScalingConfigurationRevision"], made["Status"], made["Latest"]), (revision, "active", True))
        arns[f"busy/{revision}"] = made["AutoScalingConfigurationArn"]
    refused(client.exceptions.ServiceQuotaExceededException, "busy", client.create_auto_scaling_configuration, AutoScalingConfigurationName="busy")


@step("DescribeAutoScalingConfiguration/by name and by revision")
def _():
    name = arns["busy/1"].rsplit("/", 2)[0]
    for arn, want in ((name, 5), (name + "/2", 2), (arns["busy/3"], 3)):
        found = client.describe_auto_scaling_configuration(AutoScalingConfigurationArn=arn)["AutoScalingConfiguration"]
        same((found["MaxConcurrency"], found["Latest"]), (want, want == 5))
    refused(client.exceptions.ResourceNotFoundException, "nothing", client.describe_auto_scaling_configuration, AutoScalingConfigurationArn=no_scaling)


@step("ListAutoScalingConfigurations/every revision, page by page")
def _():
    found = pages(client.list_auto_scaling_configurations, "AutoScalingConfigurationSummaryList", LatestOnly=False, MaxResults=4)
    same([len(page) for page in found], [4, 2])
    same(sorted(c["AutoScalingConfigurationArn"] for page in found for c in page),
         sorted([default_scaling] + [arns[f"busy/{i}"] for i in range(1, 6)]))
    latest = client.list_auto_scaling_configurations(AutoScalingConfigurationName="busy")["AutoScalingConfigurationSummaryList"]
    same([c["AutoScalingConfigurationRevision"] for c in latest], [5])


@step("ListServicesForAutoScalingConfiguration/page by page")
def _():
    found = pages(client.list_services_for_auto_scaling_configuration, "ServiceArnList", AutoScalingConfigurationArn=default_scaling, MaxResults=2)
    same(sorted(arn for page in found for arn in page), sorted([arns["shop"], arns["broken"], arns["slow"]]))


@step("UpdateDefaultAutoScalingConfiguration/there and back")
def _():
    for arn in (arns["busy/5"], default_scaling):
        changed = client.update_default_auto_scaling_configuration(AutoScalingConfigurationArn=arn)["AutoScalingConfiguration"]
        same((changed["AutoScalingConfigurationArn"], changed["IsDefault"]), (arn, True))


@step("DeleteAutoScalingConfiguration/the default, one, and all")
def _():
    refused(client.exceptions.InvalidRequestException, "is the default", client.delete_auto_scaling_configuration, AutoScalingConfigurationArn=default_scaling)
    gone = client.delete_auto_scaling_configuration(AutoScalingConfigurationArn=arns["busy/2"])["AutoScalingConfiguration"]
    same((gone["Status"], gone["AutoScalingConfigurationRevision"]), ("inactive", 2))
    assert isinstance(gone["DeletedAt"], datetime.datetime), gone
    gone = client.delete_auto_scaling_configuration(AutoScalingConfigurationArn=arns["busy/1"].rsplit("/", 2)[0], DeleteAllRevisions=True)
    same(sorted(gone["AutoScalingConfiguration"]), ["AutoScalingConfigurationArn", "AutoScalingConfigurationName", "Status"])


@step("CreateConnection/waits for its handshake")
def _():
    for name in ("hub1", "hub2"):
        made = client.create_connection(ConnectionName=name, ProviderType="GITHUB", Tags=[{"Key": "team", "Value": "blue"}])["Connection"]
        same((made["ConnectionName"], made["ProviderType"], made["Status"]), (name, "GITHUB", "PENDING_HANDSHAKE"))
        assert isinstance(made["CreatedAt"], datetime.datetime), made
        arns[name] = made["ConnectionArn"]
    refused(client.exceptions.InvalidRequestException, "already exists: hub1.", client.create_connection, ConnectionName="hub1", ProviderType="BITBUCKET")


@step("ListConnections/by name, and page by page")
def _():
    same([c["ConnectionArn"] for c in client.list_connections(ConnectionName="hub1")["ConnectionSummaryList"]], [arns["hub1"]])
    same([len(page) for page in pages(client.list_connections, "ConnectionSummaryList", MaxResults=1)], [1, 1])


@step("DeleteConnection/answers DELETED")
def _():
    same(client.delete_connection(ConnectionArn=arns["hub1"])["Connection"]["Status"], "DELETED")
    refused(client.exceptions.ResourceNotFoundException, arns["hub1"], client.delete_connection, ConnectionArn=arns["hub1"])
    same(client.list_connections(ConnectionName="hub1")["ConnectionSummaryList"], [])


@step("CreateObservabilityConfiguration/revisions, and the name that is reserved")
def _():
    for revision in (1, 2):
        made = client.create_observability_configuration(ObservabilityConfigurationName="look", TraceConfiguration={"Vendor": "AWSXRAY"})["ObservabilityConfiguration"]
        same((made["ObservabilityConfigurationRevision"], made["Status"], made["Latest"], made["TraceConfiguration"]), (revision, "ACTIVE", True, {"Vendor": "AWSXRAY"}))
        arns[f"look/{revision}"] = made["ObservabilityConfigurationArn"]
    refused(client.exceptions.InvalidRequestException, "is reserved", client.create_observability_configuration, ObservabilityConfigurationName="DefaultConfiguration")


@step("DescribeObservabilityConfiguration/by name")
def _():
    name = arns["look/1"].rsplit("/", 2)[0]
    found = client.describe_observability_configuration(ObservabilityConfigurationArn=name)["ObservabilityConfiguration"]
    same(found["ObservabilityConfigurationArn"], arns["look/2"])
    found = client.describe_observability_configuration(ObservabilityConfigurationArn=name + "/1")["ObservabilityConfiguration"]
    same((found["ObservabilityConfigurationArn"], found["Latest"]), (arns["look/1"], False))


@step("ListObservabilityConfigurations/every revision, page by page")
def _():
    found = pages(client.list_observability_configurations, "ObservabilityConfigurationSummaryList", ObservabilityConfigurationName="look", LatestOnly=False, MaxResults=1)
    same(sorted(c["ObservabilityConfigurationArn"] for page in found for c in page), sorted([arns["look/1"], arns["look/2"]]))


@step("DeleteObservabilityConfiguration/INACTIVE, and described")
def _():
    gone = client.delete_observability_configuration(ObservabilityConfigurationArn=arns["look/1"])["ObservabilityConfiguration"]
    same(gone["Status"], "INACTIVE")
    assert isinstance(gone["DeletedAt"], datetime.datetime), gone
    found = client.describe_observability_configuration(ObservabilityConfigurationArn=arns["look/1"])["ObservabilityConfiguration"]
    same(found["Status"], "INACTIVE")


@step("CreateVpcConnector/is ACTIVE at once")
def _():
    made = client.create_vpc_connector(VpcConnectorName="data", Subnets=["subnet-1"], SecurityGroups=["sg-1"])["VpcConnector"]
    same((made["Status"], made["VpcConnectorRevision"], made["Subnets"], made["SecurityGroups"]), ("ACTIVE", 1, ["subnet-1"], ["sg-1"]))
    arns["data"] = made["VpcConnectorArn"]


@step("DescribeVpcConnector/as created")
def _():
    same(client.describe_vpc_connector(VpcConnectorArn=arns["data"])["VpcConnector"]["VpcConnectorName"], "data")


@step("ListVpcConnectors/as created")
def _():
    same([c["VpcConnectorArn"] for c in client.list_vpc_connectors()["VpcConnectors"]], [arns["data"]])


@step("CreateService/private, with a VPC connector")
def _():
    arns["inner"] = client.create_service(
        ServiceName="inner",
        SourceConfiguration=source(os.environ["IMAGE"]),
        NetworkConfiguration={
            "EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": arns["data"]},
            "IngressConfiguration": {"IsPubliclyAccessible": False},
        },
    )["Service"]["ServiceArn"]
    service = wait(arns["inner"], "RUNNING")
    same(service["ServiceUrl"], "")
    same(service["NetworkConfiguration"]["EgressConfiguration"], {"EgressType": "VPC", "VpcConnectorArn": arns["data"]})
    refused(client.exceptions.InvalidRequestException, "in use", client.delete_vpc_connector, VpcConnectorArn=arns["data"])


def wait_ingress(status):
    end = time.monotonic() + 20
    while True:
        found = client.describe_vpc_ingress_connection(VpcIngressConnectionArn=arns["door"])["VpcIngressConnection"]
        if found["Status"] == status:
            return found
        assert time.monotonic() < end, f"it is still {found['Status']}, not {status}"
        time.sleep(0.05)


@step("CreateVpcIngressConnection/begins as PENDING_CREATION")
def _():
    made = client.create_vpc_ingress_connection(
        VpcIngressConnectionName="door", ServiceArn=arns["inner"], IngressVpcConfiguration={"VpcId": "vpc-1", "VpcEndpointId": "vpce-1"}
    )["VpcIngressConnection"]
    same((made["Status"], made["ServiceArn"]), ("PENDING_CREATION", arns["inner"]))
    arns["door"] = made["VpcIngressConnectionArn"]


@step("DescribeVpcIngressConnection/is AVAILABLE in the end")
def _():
    assert f".{region}." in wait_ingress("AVAILABLE")["DomainName"]


@step("UpdateVpcIngressConnection/another endpoint")
def _():
    changed = client.update_vpc_ingress_connection(VpcIngressConnectionArn=arns["door"], IngressVpcConfiguration={"VpcId": "vpc-1", "VpcEndpointId": "vpce-2"})
    same(changed["VpcIngressConnection"]["Status"], "PENDING_UPDATE")
    same(wait_ingress("AVAILABLE")["IngressVpcConfiguration"], {"VpcId": "vpc-1", "VpcEndpointId": "vpce-2"})


@step("ListVpcIngressConnections/by endpoint")
def _():
    for endpoint, want in (("vpce-1", []), ("vpce-2", [arns["door"]])):
        found = client.list_vpc_ingress_connections(Filter={"VpcEndpointId": endpoint})["VpcIngressConnectionSummaryList"]
        same([c["VpcIngressConnectionArn"] for c in found], want)


@step("DeleteVpcIngressConnection/is DELETED in the end, and its service can be deleted")
def _():
    refused(client.exceptions.InvalidRequestException, "VPC ingress connection", client.delete_service, ServiceArn=arns["inner"])
    same(client.delete_vpc_ingress_connection(VpcIngressConnectionArn=arns["door"])["VpcIngressConnection"]["Status"], "PENDING_DELETION")
    assert isinstance(wait_ingress("DELETED")["DeletedAt"], datetime.datetime)
    client.delete_service(ServiceArn=arns["inner"])
    wait(arns["inner"], "DELETED")


@step("DeleteVpcConnector/INACTIVE, and described")
def _():
    same(client.delete_vpc_connector(VpcConnectorArn=arns["data"])["VpcConnector"]["Status"], "INACTIVE")
    same(client.describe_vpc_connector(VpcConnectorArn=arns["data"])["VpcConnector"]["Status"], "INACTIVE")
    same(client.list_vpc_connectors()["VpcConnectors"], [])


@step("AssociateCustomDomain/creating, without records")
def _():
    for name in ("a.boto.example", "b.boto.example"):
        answer = client.associate_custom_domain(ServiceArn=arns["shop"], DomainName=name)
        same(answer["CustomDomain"], {"DomainName": name, "EnableWWWSubdomain": True, "Status": "creating"})
        same((answer["ServiceArn"], answer["VpcDNSTargets"]), (arns["shop"], []))


def wait_domains(status, count):
    end = time.monotonic() + 60
    while True:
        found = client.describe_custom_domains(ServiceArn=arns["shop"])["CustomDomains"]
        if len(found) == count and all(d["Status"] == status for d in found):
            return found
        assert time.monotonic() < end, f"there are still {found}"
        time.sleep(0.05)


@step("DescribeCustomDomains/records to make, page by page")
def _():
    for domain in wait_domains("pending_certificate_dns_validation", 2):
        assert {(r["Type"], r["Status"]) for r in domain["CertificateValidationRecords"]} == {("CNAME", "PENDING_VALIDATION")}, domain
    same([len(page) for page in pages(client.describe_custom_domains, "CustomDomains", ServiceArn=arns["shop"], MaxResults=1)], [1, 1])


@step("DisassociateCustomDomain/deleting, then gone")
def _():
    for name in ("a.boto.example", "b.boto.example"):
        same(client.disassociate_custom_domain(ServiceArn=arns["shop"], DomainName=name)["CustomDomain"]["Status"], "deleting")
    wait_domains("", 0)


@step("DeleteService/DELETED, described and not listed")
def _():
    wait(arns["slow"], "CREATE_FAILED")
    for arn in (arns["shop"], arns["broken"], arns["slow"]):
        client.delete_service(ServiceArn=arn)
        assert "DeletedAt" in wait(arn, "DELETED")
        refused(client.exceptions.ResourceNotFoundException, "is deleted", client.delete_service, ServiceArn=arn)
    same(client.list_services()["ServiceSummaryList"], [])


for name, run in steps:
    error = ""
    try:
        run()
    except Exception:
        error = traceback.format_exc(limit=-3)
    print(json.dumps({"Name": name, "Error": error}), flush=True)
    if error:
        sys.exit(1)  # the next ones need what this one makes
