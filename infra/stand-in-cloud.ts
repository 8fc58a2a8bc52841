/**
 * Stands in for AWS where the program runs without it: the computed outputs that this program reads, such as ids and
 * ARNs. Deterministic, so that two runs can be compared.
 */

import { createHash } from 'node:crypto';

/** Account id in all ARNs: AWS's own example. */
export const STAND_IN_ACCOUNT = '123456789012';

/** The id of a new resource. A secret's id is its ARN, as on AWS, because policies name it. */
export function computedId(type: string, name: string, region: string): string {
  return type === 'aws:secretsmanager/secret:Secret' ? secretArn(name, region) : `${name}-id`;
}

/** Computed outputs of a resource. */
export function computedState(
  type: string,
  name: string,
  inputs: Readonly<Record<string, unknown>>,
  region: string,
): Record<string, unknown> {
  const service = type.split(':')[1]?.split('/')[0] ?? '';
  const shown = String(inputs.name ?? inputs.identifier ?? inputs.layerName ?? name);
  const arn = `arn:aws:${service}:${region}:${STAND_IN_ACCOUNT}:${shown}`;
  const digest = createHash('sha256').update(name).digest();
  switch (type) {
    case 'random:index/randomId:RandomId':
      return { hex: digest.subarray(0, 4).toString('hex') };
    case 'random:index/randomPassword:RandomPassword':
      return { result: digest.toString('hex') };
    case 'aws:acm/certificate:Certificate':
      return {
        arn: `arn:aws:acm:us-east-1:${STAND_IN_ACCOUNT}:certificate/${digest.toString('hex', 0, 16)}`,
        domainValidationOptions: [
          {
            domainName: inputs.domainName,
            resourceRecordName: `_proof.${inputs.domainName}.`,
            resourceRecordType: 'CNAME',
            resourceRecordValue: '_proof.acm-validations.aws.',
          },
        ],
      };
    case 'aws:acm/certificateValidation:CertificateValidation':
      return { certificateArn: inputs.certificateArn };
    case 'aws:route53/record:Record':
      return { fqdn: inputs.name };
    case 'aws:cloudfront/distribution:Distribution':
      return { arn, domainName: 'd111111abcdef8.cloudfront.net', hostedZoneId: 'Z2FDTNDATAQYW2' };
    case 'aws:wafv2/webAcl:WebAcl':
      return { arn: `arn:aws:wafv2:us-east-1:${STAND_IN_ACCOUNT}:global/webacl/${shown}/${name}` };
    case 'aws:ec2/vpc:Vpc':
      return { arn, ipv6CidrBlock: '2600:1f18:abcd:1200::/56' };
    case 'aws:rds/instance:Instance': {
      const address = `${shown}.example.${region}.rds.amazonaws.com`;
      return {
        arn,
        address,
        port: 5432,
        endpoint: `${address}:5432`,
        masterUserSecrets: [{ secretArn: secretArn('master', region), secretStatus: 'active', kmsKeyId: '' }],
      };
    }
    case 'aws:rds/cluster:Cluster': {
      const host = (kind: string) => `${shown}.${kind}-example.${region}.rds.amazonaws.com`;
      return {
        arn: `arn:aws:rds:${region}:${STAND_IN_ACCOUNT}:cluster:${String(inputs.clusterIdentifier)}`,
        endpoint: host('cluster'),
        readerEndpoint: host('cluster-ro'),
        port: 5432,
        masterUserSecrets: [{ secretArn: secretArn('master', region), secretStatus: 'active', kmsKeyId: '' }],
      };
    }
    case 'aws:kms/key:Key':
      return { arn, keyId: `${name}-key` };
    case 'aws:secretsmanager/secretVersion:SecretVersion':
      return { arn: inputs.secretId, versionId: `${name}-version` };
    case 'aws:secretsmanager/secret:Secret':
      return { arn: secretArn(name, region) };
    case 'aws:apigatewayv2/api:Api':
      return {
        arn,
        apiEndpoint: `https://example.execute-api.${region}.amazonaws.com`,
        executionArn: `arn:aws:execute-api:${region}:${STAND_IN_ACCOUNT}:example`,
      };
    case 'aws:lambda/function:Function':
      return {
        arn: `arn:aws:lambda:${region}:${STAND_IN_ACCOUNT}:function:${shown}`,
        invokeArn: `${arn}/invocations`,
      };
    case 'aws:lambda/invocation:Invocation':
      return { result: JSON.stringify({ public_key: digest.toString('hex') }) };
    case 'aws:s3/bucket:Bucket': {
      const bucket = `${inputs.bucketPrefix}${digest.toString('hex', 0, 6)}`;
      return { arn: `arn:aws:s3:::${bucket}`, bucket };
    }
    case 'aws:sqs/queue:Queue':
      return { arn, url: `https://sqs.${region}.amazonaws.com/${STAND_IN_ACCOUNT}/${shown}` };
    default:
      // AWS appends a suffix to a name prefix.
      return inputs.namePrefix === undefined
        ? { arn }
        : { arn, name: `${inputs.namePrefix}${digest.toString('hex', 0, 6)}` };
  }
}

function secretArn(name: string, region: string): string {
  return `arn:aws:secretsmanager:${region}:${STAND_IN_ACCOUNT}:secret:${name}`;
}

/** Answer of AWS to a data-source call. */
export function computedAnswer(token: string, region: string): Record<string, unknown> {
  switch (token) {
    case 'aws:index/getCallerIdentity:getCallerIdentity':
      return { accountId: STAND_IN_ACCOUNT };
    case 'aws:index/getAvailabilityZones:getAvailabilityZones':
      return { names: ['a', 'b', 'c'].map((zone) => `${region}${zone}`) };
    default:
      return {};
  }
}
