"""Replays the resources of a stack, {"name", "resources"} on standard input, against moto, with botocore's enums, patterns and
lengths enforced, and lints policies with parliament. Prints {"replayed", "passed_over", "faults"}: how many, types, and lines.
"""

import json
import os
import re
import sys

import boto3
from botocore.validate import ParamValidator
from moto import mock_aws
from parliament import analyze_policy_string

faults = []
for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
    os.environ[name] = "none"


def lint(shape, value, path):
    """What botocore leaves to the service: enums, patterns and longest texts."""
    if shape.type_name == "structure":
        for key, member in shape.members.items():
            if isinstance(value, dict) and key in value:
                yield from lint(member, value[key], f"{path}.{key}")
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from lint(shape.member, item, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from lint(shape.value, item, f"{path}.{key}")
    elif shape.type_name == "string":
        most = shape.metadata.get("max")
        enum = shape.metadata.get("enum")
        pattern = shape.metadata.get("pattern")
        if most is not None and len(value) > most:
            yield f"{path}: {len(value)} characters, {most} are allowed"
        if enum and value not in enum:
            yield f"{path}: {value} is none of {', '.join(enum)}"
        try:
            if pattern and not re.search(pattern, value):
                yield f"{path}: {value!r} does not match {pattern}"
        except re.error:
            pass  # Java's patterns that Python does not know.


def call(where, client, operation, **params):
    params = {key: value for key, value in params.items() if value is not None}
    api = client.meta.method_to_api_mapping[operation]
    shape = client.meta.service_model.operation_model(api).input_shape
    faults.extend(f"{where}: {fault}" for fault in lint(shape, params, api))
    report = ParamValidator().validate(params, shape)
    if report.has_errors():
        faults.append(f"{where}: {report.generate_report()}")
        return {}
    try:
        return getattr(client, operation)(**params)
    except Exception as error:  # whatever moto refuses is a finding
        faults.append(f"{where}: {api}: {error}")
        return {}


def tags(inputs):
    return [{"Key": key, "Value": value} for key, value in inputs.get("tags", {}).items()]


def lint_policy(where, text):
    for finding in analyze_policy_string(text).findings:
        # Resources that only * can be said of, and what the replay's made-up ARNs cannot be.
        if finding.issue in ("RESOURCE_STAR", "RESOURCE_MISMATCH") and "*" in text:
            continue
        # Who deploys the bucket sets its policy, and could let itself in; that role runs reviewed code only.
        if finding.issue == "RESOURCE_POLICY_PRIVILEGE_ESCALATION" and where.endswith("deploy (policy)"):
            continue
        # A key that the Lambda service itself sets, which parliament's list does not have (Lambda guide, "VPC access").
        if "lambda:SourceFunctionArn" in str(finding):
            continue
        faults.append(f"{where}: {finding}")


def capital(members, **others):
    """Members as the API writes them: a capital first, or as said."""
    renamed = {there: here for here, there in others.items()}
    return {renamed.get(key, key[0].upper() + key[1:]): value for key, value in members.items()}


def counted(values):
    return {"Quantity": len(values), "Items": values}


def firewall_rule(rule):
    visibility = capital(rule["visibilityConfig"], CloudWatchMetricsEnabled="cloudwatchMetricsEnabled")
    made = {"Name": rule["name"], "Priority": rule["priority"], "VisibilityConfig": visibility}
    statement = rule["statement"]
    if "managedRuleGroupStatement" in statement:
        made["Statement"] = {"ManagedRuleGroupStatement": capital(statement["managedRuleGroupStatement"])}
        made["OverrideAction"] = {"None": {}}
    else:
        made["Statement"] = {"RateBasedStatement": capital(
            statement["rateBasedStatement"], EvaluationWindowSec="evaluationWindowSec")}
        made["Action"] = {"Block": {"CustomResponse": capital(rule["action"]["block"]["customResponse"])}}
    return made


def distribution(i):
    behavior, certificate = i["defaultCacheBehavior"], i["viewerCertificate"]
    return {
        "CallerReference": "replay", "Comment": i["comment"], "Enabled": i["enabled"], "HttpVersion": i["httpVersion"],
        "IsIPV6Enabled": i["isIpv6Enabled"], "PriceClass": i["priceClass"], "Aliases": counted(i.get("aliases", [])),
        "WebACLId": i.get("webAclId", ""),
        "Origins": counted([{
            "Id": origin["originId"], "DomainName": origin["domainName"],
            "CustomHeaders": counted([{"HeaderName": h["name"], "HeaderValue": h["value"]} for h in origin["customHeaders"]]),
            "CustomOriginConfig": {
                "HTTPPort": origin["customOriginConfig"]["httpPort"],
                "HTTPSPort": origin["customOriginConfig"]["httpsPort"],
                "OriginProtocolPolicy": origin["customOriginConfig"]["originProtocolPolicy"],
                "OriginSslProtocols": counted(origin["customOriginConfig"]["originSslProtocols"]),
                "OriginReadTimeout": origin["customOriginConfig"]["originReadTimeout"]},
        } for origin in i["origins"]]),
        "DefaultCacheBehavior": {
            "TargetOriginId": behavior["targetOriginId"], "ViewerProtocolPolicy": behavior["viewerProtocolPolicy"],
            "AllowedMethods": {**counted(behavior["allowedMethods"]), "CachedMethods": counted(behavior["cachedMethods"])},
            "CachePolicyId": behavior["cachePolicyId"], "OriginRequestPolicyId": behavior["originRequestPolicyId"],
            "Compress": behavior["compress"]},
        "Restrictions": {"GeoRestriction": {
            "RestrictionType": i["restrictions"]["geoRestriction"]["restrictionType"], "Quantity": 0}},
        "ViewerCertificate": {
            "CloudFrontDefaultCertificate": True} if certificate.get("cloudfrontDefaultCertificate") else {
            "ACMCertificateArn": certificate["acmCertificateArn"], "SSLSupportMethod": certificate["sslSupportMethod"],
            "MinimumProtocolVersion": certificate["minimumProtocolVersion"]},
    }


def replay(stack, resources):
    aws = lambda service: boto3.client(service, region_name="us-east-1")
    iam, sqs, kms, s3 = aws("iam"), aws("sqs"), aws("kms"), aws("s3")
    done, zones, passed_over = 0, [], set()
    for item in resources:
        kind, i = item["type"], item["inputs"]
        where = f"{stack}: {item['name']} ({kind})"
        if kind == "aws:iam/role:Role":
            call(where, iam, "create_role", RoleName=i["name"], Description=i.get("description"),
                 AssumeRolePolicyDocument=i["assumeRolePolicy"], Tags=tags(i))
        elif kind == "aws:iam/rolePolicy:RolePolicy":
            call(where, iam, "put_role_policy", RoleName=i["role"], PolicyName=item["name"], PolicyDocument=i["policy"])
            lint_policy(where, i["policy"])
        elif kind == "policy":
            lint_policy(where, i["policy"])
        elif kind == "aws:sqs/queue:Queue":
            call(where, sqs, "create_queue", QueueName=i["name"], tags=i.get("tags"), Attributes={
                key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in {
                    "VisibilityTimeout": i.get("visibilityTimeoutSeconds"),
                    "MessageRetentionPeriod": i.get("messageRetentionSeconds"),
                    "ReceiveMessageWaitTimeSeconds": i.get("receiveWaitTimeSeconds"),
                    "SqsManagedSseEnabled": i.get("sqsManagedSseEnabled")}.items() if value is not None})
        elif kind == "aws:kms/key:Key":
            call(where, kms, "create_key", Description=i["description"],
                 Tags=[{"TagKey": t["Key"], "TagValue": t["Value"]} for t in tags(i)])
        elif kind == "aws:secretsmanager/secret:Secret":
            call(where, aws("secretsmanager"), "create_secret", Name=i["namePrefix"] + "0" * 26,
                 Description=i["description"], Tags=tags(i))
        elif kind == "aws:cloudwatch/logGroup:LogGroup":
            call(where, aws("logs"), "create_log_group", logGroupName=i["name"], tags=i.get("tags"))
            call(where, aws("logs"), "put_retention_policy", logGroupName=i["name"], retentionInDays=i["retentionInDays"])
        elif kind == "aws:cloudwatch/metricAlarm:MetricAlarm":
            call(where, aws("cloudwatch"), "put_metric_alarm", AlarmName=i["name"], Namespace=i["namespace"],
                 AlarmDescription=i["alarmDescription"], MetricName=i["metricName"], Statistic=i.get("statistic"),
                 ExtendedStatistic=i.get("extendedStatistic"), ComparisonOperator=i["comparisonOperator"],
                 Threshold=float(i["threshold"]), Period=i["period"], EvaluationPeriods=i["evaluationPeriods"],
                 TreatMissingData=i["treatMissingData"], AlarmActions=i["alarmActions"],
                 Dimensions=[{"Name": k, "Value": str(v)} for k, v in i["dimensions"].items()], Tags=tags(i))
        elif kind == "aws:sns/topic:Topic":
            call(where, aws("sns"), "create_topic", Name=i["name"], Tags=tags(i))
        elif kind == "aws:scheduler/scheduleGroup:ScheduleGroup":
            call(where, aws("scheduler"), "create_schedule_group", Name=i["name"], Tags=tags(i))
        elif kind == "aws:scheduler/schedule:Schedule":
            target = i["target"]
            retry = target["retryPolicy"]
            call(where, aws("scheduler"), "create_schedule", Name=i["name"], GroupName=i["groupName"], State=i["state"],
                 ScheduleExpression=i["scheduleExpression"],
                 ScheduleExpressionTimezone=i.get("scheduleExpressionTimezone"),
                 FlexibleTimeWindow={"Mode": i["flexibleTimeWindow"]["mode"]},
                 Target={"Arn": target["arn"], "RoleArn": target["roleArn"], "Input": target["input"], "RetryPolicy": {
                     "MaximumEventAgeInSeconds": retry["maximumEventAgeInSeconds"],
                     "MaximumRetryAttempts": retry["maximumRetryAttempts"]}})
        elif kind == "aws:s3/bucket:Bucket":
            bucket = i["bucketPrefix"] + "0" * 26
            call(where, s3, "create_bucket", Bucket=bucket, ObjectLockEnabledForBucket=i["objectLockEnabled"])
        elif kind == "aws:s3/bucketVersioning:BucketVersioning":
            call(where, s3, "put_bucket_versioning", Bucket=bucket,
                 VersioningConfiguration={"Status": i["versioningConfiguration"]["status"]})
        elif kind == "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration":
            retention = i["rule"]["defaultRetention"]
            call(where, s3, "put_object_lock_configuration", Bucket=bucket, ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": retention["mode"], "Days": retention["days"]}}})
        elif kind == "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":
            call(where, s3, "put_public_access_block", Bucket=bucket, PublicAccessBlockConfiguration={
                key[0].upper() + key[1:]: i[key] for key in
                ("blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets")})
        elif kind == "aws:s3/bucketPolicy:BucketPolicy":
            call(where, s3, "put_bucket_policy", Bucket=bucket, Policy=i["policy"])
        elif kind == "aws:acm/certificate:Certificate":
            call(where, aws("acm"), "request_certificate", DomainName=i["domainName"],
                 ValidationMethod=i["validationMethod"], Tags=tags(i))
        elif kind == "aws:wafv2/webAcl:WebAcl":
            call(where, aws("wafv2"), "create_web_acl", Name=i["name"], Scope=i["scope"], DefaultAction={"Allow": {}},
                 VisibilityConfig=capital(i["visibilityConfig"], CloudWatchMetricsEnabled="cloudwatchMetricsEnabled"),
                 Rules=[firewall_rule(rule) for rule in i["rules"]], Tags=tags(i))
        elif kind == "aws:route53/record:Record":
            if not zones:
                made = call(where, aws("route53"), "create_hosted_zone", Name="example.com", CallerReference="replay")
                zones.append(made["HostedZone"]["Id"].removeprefix("/hostedzone/"))
            record = {"Name": i["name"], "Type": i["type"], "TTL": i.get("ttl")}
            if "records" in i:
                record["ResourceRecords"] = [{"Value": value} for value in i["records"]]
            for alias in i.get("aliases", []):
                record["AliasTarget"] = {"HostedZoneId": alias["zoneId"], "DNSName": alias["name"],
                                         "EvaluateTargetHealth": alias["evaluateTargetHealth"]}
            call(where, aws("route53"), "change_resource_record_sets", HostedZoneId=zones[0], ChangeBatch={
                "Changes": [{"Action": "CREATE", "ResourceRecordSet": {
                    key: value for key, value in record.items() if value is not None}}]})
        elif kind == "aws:cloudfront/distribution:Distribution":
            call(where, aws("cloudfront"), "create_distribution_with_tags", DistributionConfigWithTags={
                "DistributionConfig": distribution(i), "Tags": {"Items": tags(i)}})
        else:
            passed_over.add(kind)
            continue
        done += 1
    return done, sorted(passed_over)


# The stand-in for AWS makes all ARNs alike; those of roles have no region.
text = re.sub(r"arn:aws:iam:[a-z0-9-]+:123456789012:", "arn:aws:iam::123456789012:role/", sys.stdin.read())
given = json.loads(text)
with mock_aws():
    replayed, passed_over = replay(given["name"], given["resources"])
print(json.dumps({"replayed": replayed, "passed_over": passed_over, "faults": faults}))
