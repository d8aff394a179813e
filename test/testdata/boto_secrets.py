"""Secrets Manager and the Parameter Store seen by boto3. It fails at the first thing that is not as in AWS."""

import boto3
from botocore.config import Config

config = Config(retries={"total_max_attempts": 1})
secrets = boto3.client("secretsmanager", config=config)
ssm = boto3.client("ssm", config=config)


def refused(exception, call, **arguments):
    try:
        answer = call(**arguments)
    except exception as e:
        assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 400, e.response
        assert e.response["Error"]["Message"], e.response
    else:
        raise AssertionError(f"it was allowed: {answer}")


# Secrets, with bytes, tokens, stages and pages.
token = "0" * 36
made = secrets.create_secret(Name="py/bytes", SecretBinary=b"\x00\xff", ClientRequestToken=token)
again = secrets.create_secret(Name="py/bytes", SecretBinary=b"\x00\xff", ClientRequestToken=token)
assert made["ARN"] == again["ARN"] and made["VersionId"] == again["VersionId"] == token, (made, again)
got = secrets.get_secret_value(SecretId=made["ARN"])
assert got["SecretBinary"] == b"\x00\xff" and "SecretString" not in got and got["CreatedDate"].year > 2000, got
refused(secrets.exceptions.ResourceExistsException, secrets.create_secret, Name="py/bytes", SecretString="x")
refused(secrets.exceptions.ResourceNotFoundException, secrets.get_secret_value, SecretId="py/none")
refused(secrets.exceptions.ResourceNotFoundException, secrets.get_secret_value, SecretId="py/bytes", VersionStage="AWSPREVIOUS")
refused(secrets.exceptions.InvalidParameterException, secrets.put_secret_value, SecretId="py/bytes")
refused(secrets.exceptions.InvalidParameterException, secrets.delete_secret, SecretId="py/bytes", RecoveryWindowInDays=1)
put = secrets.put_secret_value(SecretId="py/bytes", SecretString="text", VersionStages=["AWSCURRENT", "GREEN"])
assert sorted(put["VersionStages"]) == ["AWSCURRENT", "GREEN"], put
stages = secrets.describe_secret(SecretId="py/bytes")["VersionIdsToStages"]
assert stages[token] == ["AWSPREVIOUS"], stages
secrets.update_secret(SecretId="py/bytes", Description="changed")
secrets.tag_resource(SecretId="py/bytes", Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
secrets.untag_resource(SecretId="py/bytes", TagKeys=["a"])
described = secrets.describe_secret(SecretId="py/bytes")
assert described["Tags"] == [{"Key": "c", "Value": "d"}] and described["Description"] == "changed", described
for i in range(5):
    secrets.create_secret(Name=f"py/{i}", SecretString=str(i))
by_name = {"Filters": [{"Key": "name", "Values": ["py/"]}], "SortBy": "name"}
for order, want in (("asc", ["py/0", "py/1", "py/2", "py/3", "py/4", "py/bytes"]), ("desc", ["py/bytes", "py/4", "py/3", "py/2", "py/1", "py/0"])):
    pages = secrets.get_paginator("list_secrets").paginate(**by_name, SortOrder=order, PaginationConfig={"PageSize": 4})
    names = [s["Name"] for page in pages for s in page["SecretList"]]
    assert names == want, names
refused(secrets.exceptions.InvalidNextTokenException, secrets.list_secrets, NextToken="x")
for name in names:
    gone = secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert gone["DeletionDate"], gone

# Parameters, with versions, paths and pages.
first = ssm.put_parameter(Name="/py/a", Type="SecureString", Value="1")
second = ssm.put_parameter(Name="/py/a", Value="2", Overwrite=True)
assert (first["Version"], first["Tier"], second["Version"]) == (1, "Standard", 2), (first, second)
got = ssm.get_parameter(Name="/py/a:1", WithDecryption=True)["Parameter"]
assert (got["Value"], got["Version"], got["Selector"], got["Type"], got["DataType"]) == ("1", 1, ":1", "SecureString", "text"), got
assert got["ARN"].endswith(":parameter/py/a") and got["LastModifiedDate"].year > 2000, got
refused(ssm.exceptions.ParameterAlreadyExists, ssm.put_parameter, Name="/py/a", Type="SecureString", Value="3")
refused(ssm.exceptions.HierarchyTypeMismatchException, ssm.put_parameter, Name="/py/a", Type="String", Value="3", Overwrite=True)
refused(ssm.exceptions.ParameterNotFound, ssm.get_parameter, Name="/py/none")
refused(ssm.exceptions.ParameterNotFound, ssm.delete_parameter, Name="/py/none")
refused(ssm.exceptions.ParameterVersionNotFound, ssm.get_parameter, Name="/py/a:9")
refused(ssm.exceptions.InvalidFilterKey, ssm.get_parameters_by_path, Path="/py", ParameterFilters=[{"Key": "Name", "Values": ["x"]}])
for i in range(12):
    ssm.put_parameter(Name=f"/py/many/{i:02}", Type="String", Value=str(i))
pages = list(ssm.get_paginator("get_parameters_by_path").paginate(Path="/py", Recursive=True, WithDecryption=True))
assert [len(p["Parameters"]) for p in pages] == [10, 3], pages
metadata = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/py/a"]}])["Parameters"]
assert len(metadata) == 1 and metadata[0]["KeyId"] == "alias/aws/ssm" and metadata[0]["LastModifiedUser"].startswith("arn:aws:iam::"), metadata
names = [p["Name"] for page in pages for p in page["Parameters"]]
for chunk in (names[:10], names[10:] + ["/py/none"]):
    gone = ssm.delete_parameters(Names=chunk)
assert gone["InvalidParameters"] == ["/py/none"] and len(gone["DeletedParameters"]) == 3, gone
