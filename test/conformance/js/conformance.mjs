// Slipway seen by the AWS SDK for JavaScript. Prints a line of JSON for each expectation;
// script_test.go reads them.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import * as sdk from "@aws-sdk/client-apprunner";

const { AWS_REGION: region, AWS_ACCESS_KEY_ID: keyID, IMAGE: image, ABSENT: absent, ROLE: role } = process.env;
const client = new sdk.AppRunnerClient({ maxAttempts: 1 });
const arns = {};
const zeros = "0".repeat(32);
const missing = `arn:aws:apprunner:${region}:000000000000:service/nothing/${zeros}`;
const defaultScaling = `arn:aws:apprunner:${region}:000000000000:autoscalingconfiguration/DefaultConfiguration/1/${zeros.slice(1)}1`;

const source = (identifier, variables = {}) => ({
  AutoDeploymentsEnabled: false,
  AuthenticationConfiguration: { AccessRoleArn: role },
  ImageRepository: {
    ImageIdentifier: identifier,
    ImageRepositoryType: "ECR",
    ImageConfiguration: { RuntimeEnvironmentVariables: variables },
  },
});

// call does an operation: call("DescribeService", {...}).
const call = (operation, input = {}, by = client) => by.send(new sdk[`${operation}Command`](input));

// refused fails unless an operation throws the exception class of the SDK with text in its message.
async function refused(exception, text, operation, input, by = client) {
  await assert.rejects(call(operation, input, by), (error) => {
    assert.ok(error instanceof exception, `got ${error.name}: ${error.message}, want ${exception.name}`);
    assert.ok(error.message.includes(text), `${JSON.stringify(text)} is not in ${JSON.stringify(error.message)}`);
    assert.equal(error.$fault, "client");
    assert.equal(error.$metadata.httpStatusCode, 400);
    assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
    return true;
  });
}

async function wait(arn, status) {
  for (const end = Date.now() + 60_000; ; await sleep(50)) {
    const { Service: service } = await call("DescribeService", { ServiceArn: arn });
    if (service.Status === status) return service;
    assert.ok(Date.now() < end, `${arn} is still ${service.Status}, not ${status}`);
  }
}

async function waitIngress(status) {
  for (const end = Date.now() + 20_000; ; await sleep(50)) {
    const { VpcIngressConnection: found } = await call("DescribeVpcIngressConnection", { VpcIngressConnectionArn: arns.door });
    if (found.Status === status) return found;
    assert.ok(Date.now() < end, `it is still ${found.Status}, not ${status}`);
  }
}

async function waitDomains(status, count) {
  for (const end = Date.now() + 60_000; ; await sleep(50)) {
    const { CustomDomains: found } = await call("DescribeCustomDomains", { ServiceArn: arns.shop });
    if (found.length === count && found.every((domain) => domain.Status === status)) return found;
    assert.ok(Date.now() < end, `there are still ${JSON.stringify(found)}`);
  }
}

async function pages(paginate, pageSize, input = {}) {
  const found = [];
  for await (const page of paginate({ client, pageSize }, input)) {
    found.push(page);
    assert.ok(found.length < 50, "the pages do not end");
  }
  return found;
}

// steps are run in order, and build on each other: "Operation/what it does".
const steps = {
  "CreateService/answers what goes on": async () => {
    for (const [name, identifier] of [["shop", image], ["broken", absent]]) {
      const answer = await call("CreateService", {
        ServiceName: name,
        SourceConfiguration: source(identifier, { COLOUR: "blue" }),
        InstanceConfiguration: { Cpu: "0.25 vCPU", Memory: "0.5 GB" },
        HealthCheckConfiguration: { Interval: 1, UnhealthyThreshold: 2 },
        Tags: [{ Key: "team", Value: "blue" }],
      });
      arns[name] = answer.Service.ServiceArn;
      assert.equal(answer.Service.Status, sdk.ServiceStatus.OPERATION_IN_PROGRESS);
      assert.ok(answer.OperationId);
      assert.match(answer.$metadata.requestId, /^[0-9a-f-]{36}$/);
      assert.equal(answer.$metadata.attempts, 1);
    }
  },
  "CreateService/while it goes on nothing else may": async () => {
    const answer = await call("CreateService", { ServiceName: "slow", SourceConfiguration: source(image, { START_DELAY: "1h" }) });
    arns.slow = answer.Service.ServiceArn;
    for (const operation of ["DeleteService", "PauseService", "ResumeService"]) {
      await refused(sdk.InvalidStateException, "OPERATION_IN_PROGRESS", operation, { ServiceArn: arns.slow });
    }
  },
  "CreateService/a name that is taken": () =>
    refused(sdk.InvalidRequestException, "Service with the provided name already exists: shop.", "CreateService", { ServiceName: "shop", SourceConfiguration: source(image) }),
  "CreateService/fills the quota": async () => {
    const by = new sdk.AppRunnerClient({ region: "eu-west-2" });
    const there = source(absent.replace(region, "eu-west-2"));
    for (let i = 0; i < 8; i++) {
      await call("CreateService", { ServiceName: `full-${i}`, SourceConfiguration: there }, by);
    }
    await refused(sdk.ServiceQuotaExceededException, "8 services in Region eu-west-2", "CreateService", { ServiceName: "full-8", SourceConfiguration: there }, by);
  },
  "CreateService/what JavaScript lets through is refused": () =>
    refused(sdk.InvalidRequestException, "at 'serviceName' failed to satisfy constraint: Member must have length greater than or equal to 4", "CreateService", { ServiceName: "shp", SourceConfiguration: source(image) }),
  "DescribeService/times are dates": async () => {
    const service = await wait(arns.shop, "RUNNING");
    for (const time of [service.CreatedAt, service.UpdatedAt]) {
      assert.ok(time instanceof Date && Math.abs(Date.now() - time) < 300_000, String(time));
    }
    assert.equal(service.DeletedAt, undefined);
    assert.deepEqual(service.InstanceConfiguration, { Cpu: "256", Memory: "512" });
    assert.equal(service.HealthCheckConfiguration.Timeout, 2);
  },
  "DescribeService/no such service": () => refused(sdk.ResourceNotFoundException, missing, "DescribeService", { ServiceArn: missing }),
  "DescribeService/a failed one": () => wait(arns.broken, "CREATE_FAILED"),
  "ListServices/page by page": async () => {
    const found = await pages(sdk.paginateListServices, 1);
    assert.deepEqual(found.map((page) => page.ServiceSummaryList.map((s) => s.ServiceName)), [["slow"], ["broken"], ["shop"]]);
    const all = await call("ListServices");
    assert.equal(all.ServiceSummaryList.length, 3);
    assert.equal(all.NextToken, undefined);
  },
  "ListServices/wrongly signed": async () => {
    for (const [accessKeyId, name] of [[keyID, "InvalidSignatureException"], ["AKIANOBODY0000000000", "UnrecognizedClientException"]]) {
      const by = new sdk.AppRunnerClient({ credentials: { accessKeyId, secretAccessKey: "wrong" }, maxAttempts: 1 });
      await assert.rejects(call("ListServices", {}, by), (error) => {
        assert.equal(error.name, name);
        assert.equal(error.$metadata.httpStatusCode, 403);
        return true;
      });
    }
  },
  "UpdateService/a variable": async () => {
    await call("UpdateService", { ServiceArn: arns.shop, SourceConfiguration: source(image, { COLOUR: "green" }) });
    const service = await wait(arns.shop, "RUNNING");
    assert.deepEqual(service.SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables, { COLOUR: "green" });
  },
  "UpdateService/nothing to change": () =>
    refused(sdk.InvalidRequestException, "No configurations provided in the UpdateService request.", "UpdateService", { ServiceArn: arns.shop }),
  "UpdateService/a failed service is built again": async () => {
    await call("UpdateService", { ServiceArn: arns.broken, SourceConfiguration: source(image) });
    await wait(arns.broken, "RUNNING");
  },
  "StartDeployment/an operation that succeeds": async () => {
    const { OperationId } = await call("StartDeployment", { ServiceArn: arns.shop });
    await wait(arns.shop, "RUNNING");
    const { OperationSummaryList: [newest] } = await call("ListOperations", { ServiceArn: arns.shop, MaxResults: 1 });
    assert.deepEqual([newest.Id, newest.Type, newest.Status], [OperationId, "START_DEPLOYMENT", "SUCCEEDED"]);
    assert.ok(newest.EndedAt >= newest.StartedAt);
  },
  "PauseService/twice": async () => {
    assert.ok((await call("PauseService", { ServiceArn: arns.shop })).OperationId);
    await wait(arns.shop, "PAUSED");
    const again = await call("PauseService", { ServiceArn: arns.shop });
    assert.equal(again.OperationId, undefined);
    assert.equal(again.Service.Status, "PAUSED");
    await refused(sdk.InvalidRequestException, "PAUSED", "StartDeployment", { ServiceArn: arns.shop });
  },
  "ResumeService/twice": async () => {
    assert.ok((await call("ResumeService", { ServiceArn: arns.shop })).OperationId);
    await wait(arns.shop, "RUNNING");
    assert.equal((await call("ResumeService", { ServiceArn: arns.shop })).OperationId, undefined);
  },
  "ListOperations/newest first, page by page": async () => {
    const found = await pages(sdk.paginateListOperations, 3, { ServiceArn: arns.shop });
    assert.deepEqual(found.map((page) => page.OperationSummaryList.map((o) => o.Type)),
      [["RESUME_SERVICE", "PAUSE_SERVICE", "START_DEPLOYMENT"], ["UPDATE_SERVICE", "CREATE_SERVICE"]]);
  },
  "ListTagsForResource/as created": async () =>
    assert.deepEqual((await call("ListTagsForResource", { ResourceArn: arns.shop })).Tags, [{ Key: "team", Value: "blue" }]),
  "TagResource/a key is overwritten": async () => {
    await call("TagResource", { ResourceArn: arns.shop, Tags: [{ Key: "team", Value: "red" }] });
    assert.deepEqual((await call("ListTagsForResource", { ResourceArn: arns.shop })).Tags, [{ Key: "team", Value: "red" }]);
  },
  "UntagResource/a key is taken away": async () => {
    await call("UntagResource", { ResourceArn: arns.shop, TagKeys: ["team"] });
    assert.deepEqual((await call("ListTagsForResource", { ResourceArn: arns.shop })).Tags, []);
  },
  "CreateAutoScalingConfiguration/revisions and their quota": async () => {
    for (let revision = 1; revision <= 5; revision++) {
      const { AutoScalingConfiguration: made } = await call("CreateAutoScalingConfiguration", { AutoScalingConfigurationName: "busy", MaxConcurrency: revision });
      assert.deepEqual([made.AutoScalingConfigurationRevision, made.Status, made.MaxSize], [revision, "active", 25]);
      arns[revision] = made.AutoScalingConfigurationArn;
    }
    await refused(sdk.ServiceQuotaExceededException, "busy", "CreateAutoScalingConfiguration", { AutoScalingConfigurationName: "busy" });
  },
  "DescribeAutoScalingConfiguration/by name": async () => {
    const name = arns[1].split("/").slice(0, 2).join("/");
    const { AutoScalingConfiguration: found } = await call("DescribeAutoScalingConfiguration", { AutoScalingConfigurationArn: name });
    assert.equal(found.AutoScalingConfigurationArn, arns[5]);
    assert.equal(found.Latest, true);
  },
  "ListAutoScalingConfigurations/every revision, page by page": async () => {
    const found = await pages(sdk.paginateListAutoScalingConfigurations, 4, { LatestOnly: false });
    assert.deepEqual(found.map((page) => page.AutoScalingConfigurationSummaryList.length), [4, 2]);
  },
  "ListServicesForAutoScalingConfiguration/page by page": async () => {
    const found = await pages(sdk.paginateListServicesForAutoScalingConfiguration, 2, { AutoScalingConfigurationArn: defaultScaling });
    assert.deepEqual(found.flatMap((page) => page.ServiceArnList).sort(), [arns.shop, arns.broken, arns.slow].sort());
  },
  "UpdateDefaultAutoScalingConfiguration/there and back": async () => {
    for (const arn of [arns[5], defaultScaling]) {
      const { AutoScalingConfiguration: changed } = await call("UpdateDefaultAutoScalingConfiguration", { AutoScalingConfigurationArn: arn });
      assert.deepEqual([changed.AutoScalingConfigurationArn, changed.IsDefault], [arn, true]);
    }
  },
  "DeleteAutoScalingConfiguration/the default, and all of a name": async () => {
    await refused(sdk.InvalidRequestException, "is the default", "DeleteAutoScalingConfiguration", { AutoScalingConfigurationArn: defaultScaling });
    const name = arns[1].split("/").slice(0, 2).join("/");
    const { AutoScalingConfiguration: gone } = await call("DeleteAutoScalingConfiguration", { AutoScalingConfigurationArn: name, DeleteAllRevisions: true });
    assert.equal(gone.Status, "inactive");
  },
  "CreateConnection/waits for its handshake": async () => {
    for (const ConnectionName of ["hub1", "hub2"]) {
      const { Connection: made } = await call("CreateConnection", { ConnectionName, ProviderType: "GITHUB" });
      assert.deepEqual([made.ConnectionName, made.Status], [ConnectionName, sdk.ConnectionStatus.PENDING_HANDSHAKE]);
      assert.ok(made.CreatedAt instanceof Date);
      arns[ConnectionName] = made.ConnectionArn;
    }
    await refused(sdk.InvalidRequestException, "already exists: hub1.", "CreateConnection", { ConnectionName: "hub1", ProviderType: "BITBUCKET" });
  },
  "ListConnections/by name, and page by page": async () => {
    const { ConnectionSummaryList: [only] } = await call("ListConnections", { ConnectionName: "hub2" });
    assert.equal(only.ConnectionArn, arns.hub2);
    const found = await pages(sdk.paginateListConnections, 1);
    assert.deepEqual(found.map((page) => page.ConnectionSummaryList.map((c) => c.ConnectionName)), [["hub1"], ["hub2"]]);
  },
  "DeleteConnection/answers DELETED": async () => {
    assert.equal((await call("DeleteConnection", { ConnectionArn: arns.hub1 })).Connection.Status, "DELETED");
    await refused(sdk.ResourceNotFoundException, arns.hub1, "DeleteConnection", { ConnectionArn: arns.hub1 });
  },
  "CreateObservabilityConfiguration/revisions, and the name that is reserved": async () => {
    for (const revision of [1, 2]) {
      const { ObservabilityConfiguration: made } = await call("CreateObservabilityConfiguration", { ObservabilityConfigurationName: "look", TraceConfiguration: { Vendor: "AWSXRAY" } });
      assert.deepEqual([made.ObservabilityConfigurationRevision, made.Status, made.Latest], [revision, "ACTIVE", true]);
      arns[`look/${revision}`] = made.ObservabilityConfigurationArn;
    }
    await refused(sdk.InvalidRequestException, "is reserved", "CreateObservabilityConfiguration", { ObservabilityConfigurationName: "DefaultConfiguration" });
  },
  "DescribeObservabilityConfiguration/by name": async () => {
    const name = arns["look/1"].split("/").slice(0, 2).join("/");
    const { ObservabilityConfiguration: found } = await call("DescribeObservabilityConfiguration", { ObservabilityConfigurationArn: name });
    assert.equal(found.ObservabilityConfigurationArn, arns["look/2"]);
  },
  "ListObservabilityConfigurations/every revision, page by page": async () => {
    const found = await pages(sdk.paginateListObservabilityConfigurations, 1, { ObservabilityConfigurationName: "look", LatestOnly: false });
    assert.deepEqual(found.flatMap((page) => page.ObservabilityConfigurationSummaryList.map((c) => c.ObservabilityConfigurationRevision)).sort(), [1, 2]);
  },
  "DeleteObservabilityConfiguration/INACTIVE": async () => {
    const { ObservabilityConfiguration: gone } = await call("DeleteObservabilityConfiguration", { ObservabilityConfigurationArn: arns["look/1"] });
    assert.equal(gone.Status, "INACTIVE");
    assert.ok(gone.DeletedAt instanceof Date);
  },
  "CreateVpcConnector/is ACTIVE at once": async () => {
    const { VpcConnector: made } = await call("CreateVpcConnector", { VpcConnectorName: "data", Subnets: ["subnet-1"], SecurityGroups: ["sg-1"] });
    assert.deepEqual([made.Status, made.VpcConnectorRevision, made.Subnets, made.SecurityGroups], ["ACTIVE", 1, ["subnet-1"], ["sg-1"]]);
    arns.data = made.VpcConnectorArn;
  },
  "DescribeVpcConnector/as created": async () =>
    assert.equal((await call("DescribeVpcConnector", { VpcConnectorArn: arns.data })).VpcConnector.VpcConnectorName, "data"),
  "ListVpcConnectors/as created": async () => {
    const found = await pages(sdk.paginateListVpcConnectors, 1);
    assert.deepEqual(found.map((page) => page.VpcConnectors.map((c) => c.VpcConnectorArn)), [[arns.data]]);
  },
  "CreateService/private, with a VPC connector": async () => {
    const { Service: made } = await call("CreateService", {
      ServiceName: "inner",
      SourceConfiguration: source(image),
      NetworkConfiguration: {
        EgressConfiguration: { EgressType: "VPC", VpcConnectorArn: arns.data },
        IngressConfiguration: { IsPubliclyAccessible: false },
      },
    });
    arns.inner = made.ServiceArn;
    assert.equal((await wait(arns.inner, "RUNNING")).ServiceUrl, "");
    await refused(sdk.InvalidRequestException, "in use", "DeleteVpcConnector", { VpcConnectorArn: arns.data });
  },
  "CreateVpcIngressConnection/begins as PENDING_CREATION": async () => {
    const { VpcIngressConnection: made } = await call("CreateVpcIngressConnection", { VpcIngressConnectionName: "door", ServiceArn: arns.inner, IngressVpcConfiguration: { VpcId: "vpc-1", VpcEndpointId: "vpce-1" } });
    assert.equal(made.Status, sdk.VpcIngressConnectionStatus.PENDING_CREATION);
    arns.door = made.VpcIngressConnectionArn;
  },
  "DescribeVpcIngressConnection/is AVAILABLE in the end": async () => assert.ok((await waitIngress("AVAILABLE")).DomainName.includes(`.${region}.`)),
  "UpdateVpcIngressConnection/another endpoint": async () => {
    const { VpcIngressConnection: changed } = await call("UpdateVpcIngressConnection", { VpcIngressConnectionArn: arns.door, IngressVpcConfiguration: { VpcId: "vpc-1", VpcEndpointId: "vpce-2" } });
    assert.equal(changed.Status, "PENDING_UPDATE");
    assert.equal((await waitIngress("AVAILABLE")).IngressVpcConfiguration.VpcEndpointId, "vpce-2");
  },
  "ListVpcIngressConnections/by endpoint": async () => {
    for (const [VpcEndpointId, want] of [["vpce-1", []], ["vpce-2", [arns.door]]]) {
      const found = await pages(sdk.paginateListVpcIngressConnections, 1, { Filter: { VpcEndpointId } });
      assert.deepEqual(found.flatMap((page) => page.VpcIngressConnectionSummaryList.map((c) => c.VpcIngressConnectionArn)), want);
    }
  },
  "DeleteVpcIngressConnection/is DELETED in the end, and its service can be deleted": async () => {
    await refused(sdk.InvalidRequestException, "VPC ingress connection", "DeleteService", { ServiceArn: arns.inner });
    assert.equal((await call("DeleteVpcIngressConnection", { VpcIngressConnectionArn: arns.door })).VpcIngressConnection.Status, "PENDING_DELETION");
    assert.ok((await waitIngress("DELETED")).DeletedAt instanceof Date);
    await call("DeleteService", { ServiceArn: arns.inner });
    await wait(arns.inner, "DELETED");
  },
  "DeleteVpcConnector/INACTIVE": async () =>
    assert.equal((await call("DeleteVpcConnector", { VpcConnectorArn: arns.data })).VpcConnector.Status, "INACTIVE"),
  "AssociateCustomDomain/creating, without records": async () => {
    for (const DomainName of ["a.js.example", "b.js.example"]) {
      const answer = await call("AssociateCustomDomain", { ServiceArn: arns.shop, DomainName });
      assert.deepEqual(answer.CustomDomain, { DomainName, EnableWWWSubdomain: true, Status: "creating" });
      assert.deepEqual([answer.ServiceArn, answer.VpcDNSTargets], [arns.shop, []]);
    }
  },
  "DescribeCustomDomains/records to make, page by page": async () => {
    for (const domain of await waitDomains("pending_certificate_dns_validation", 2)) {
      assert.ok(domain.CertificateValidationRecords.length >= 2);
      assert.ok(domain.CertificateValidationRecords.every((r) => r.Type === "CNAME" && r.Status === "PENDING_VALIDATION"));
    }
    const found = await pages(sdk.paginateDescribeCustomDomains, 1, { ServiceArn: arns.shop });
    assert.deepEqual(found.map((page) => page.CustomDomains.length), [1, 1]);
  },
  "DisassociateCustomDomain/deleting, then gone": async () => {
    for (const DomainName of ["a.js.example", "b.js.example"]) {
      assert.equal((await call("DisassociateCustomDomain", { ServiceArn: arns.shop, DomainName })).CustomDomain.Status, "deleting");
    }
    await waitDomains("", 0);
  },
  "DeleteService/DELETED, described and not listed": async () => {
    await wait(arns.slow, "CREATE_FAILED");
    for (const arn of [arns.shop, arns.broken, arns.slow]) {
      await call("DeleteService", { ServiceArn: arn });
      assert.ok((await wait(arn, "DELETED")).DeletedAt instanceof Date);
      await refused(sdk.ResourceNotFoundException, "is deleted", "DeleteService", { ServiceArn: arn });
    }
    assert.deepEqual((await call("ListServices")).ServiceSummaryList, []);
  },
};

for (const [Name, run] of Object.entries(steps)) {
  let Error = "";
  try {
    await run();
  } catch (error) {
    Error = error.stack;
  }
  console.log(JSON.stringify({ Name, Error }));
  if (Error) process.exit(1); // the next ones need what this one makes
}
