/** Rules on CloudFront in front of the API, for stacks with `logline:edge`. */

import { EDGE_HEADER } from '../../runtime/lambda/edge-guard';
import { FUNCTION, type Rule } from './access-rules';
import { at, listOf, ofType, recordOf, type Stack, the } from './subject';

const DISTRIBUTION = 'aws:cloudfront/distribution:Distribution';
const FIREWALL = 'aws:wafv2/webAcl:WebAcl';
const RECORD = 'aws:route53/record:Record';
const CERTIFICATE = 'aws:acm/certificate:Certificate';
const SECRET_VERSION = 'aws:secretsmanager/secretVersion:SecretVersion';

function originOf(stack: Stack): unknown {
  return listOf(the(stack, DISTRIBUTION, 'edge').inputs.origins)[0];
}

/** Statements of the firewall's rules, `{"managedRuleGroupStatement":…}`. */
function statementsOf(stack: Stack): unknown[] {
  return listOf(the(stack, FIREWALL, 'edge').inputs.rules).map((rule) => at(rule, 'statement'));
}

export const EDGE_RULES: readonly Rule[] = [
  {
    title: 'leads callers to the distribution, and the distribution to the API by TLS alone',
    violations: (stack) => {
      const { inputs } = the(stack, DISTRIBUTION, 'edge');
      return [
        ...(stack.outputs.apiEndpoint === 'https://ledger.example.com' ? [] : ['output apiEndpoint']),
        ...(String(at(originOf(stack), 'domainName')).endsWith('.execute-api.us-east-1.amazonaws.com')
          ? []
          : ['origin']),
        ...(at(originOf(stack), 'customOriginConfig.originProtocolPolicy') === 'https-only'
          ? []
          : ['origin by http']),
        ...(at(inputs, 'defaultCacheBehavior.viewerProtocolPolicy') === 'https-only'
          ? []
          : ['callers by http']),
        ...(at(inputs, 'viewerCertificate.minimumProtocolVersion') === 'TLSv1.2_2021' ? [] : ['old TLS']),
      ];
    },
    breakIt: (stack) => {
      recordInput(the(stack, DISTRIBUTION, 'edge').inputs, 'defaultCacheBehavior').viewerProtocolPolicy =
        'allow-all';
    },
  },
  {
    title: 'puts a secret header on each call, which Stage-0 alone can read, and nobody in plain',
    violations: (stack) => {
      const [header] = listOf(at(originOf(stack), 'customHeaders'));
      const version = the(stack, SECRET_VERSION, 'secrets-edge-header');
      const { inputs } = the(stack, FUNCTION, 'stage0');
      const told = recordOf(at(inputs, 'environment.variables')).LOGLINE_EDGE_SECRET_ARN;
      const readers = ofType(stack, 'aws:iam/rolePolicy:RolePolicy')
        .filter((policy) => String(policy.inputs.policy).includes(':secret:secrets-edge-header"'))
        .map(({ name }) => name);
      return [
        ...(at(header, 'name') === EDGE_HEADER ? [] : ['no header']),
        ...(at(header, 'value') === version.inputs.secretString ? [] : ['another value']),
        ...(the(stack, DISTRIBUTION, 'edge').secrets.some((path) => path.startsWith('origins'))
          ? []
          : ['header in plain']),
        ...(version.secrets.includes('secretString') ? [] : ['secret in plain']),
        ...(told === version.inputs.secretId ? [] : ['Stage-0 is not told']),
        ...(readers.join() === 'stage0' ? [] : [`readers: ${readers.join()}`]),
      ];
    },
    breakIt: (stack) => {
      recordInput(the(stack, FUNCTION, 'stage0').inputs, 'environment').variables = {};
    },
  },
  {
    title: 'keeps no answer at the edge, and passes on what the caller sends but the name of the host',
    violations: (stack) => {
      const behavior = the(stack, DISTRIBUTION, 'edge').inputs.defaultCacheBehavior;
      return [
        ...(at(behavior, 'cachePolicyId') === '4135ea2d-6df8-44a3-9df3-4b5a84be39ad' ? [] : ['caches']),
        ...(at(behavior, 'originRequestPolicyId') === 'b689b0a8-53d0-40ab-baf2-68738e2966ac'
          ? []
          : ['loses headers']),
        ...(listOf(at(behavior, 'allowedMethods')).includes('POST') ? [] : ['no POST']),
      ];
    },
    breakIt: (stack) => {
      recordInput(the(stack, DISTRIBUTION, 'edge').inputs, 'defaultCacheBehavior').cachePolicyId =
        '658327ea-f89d-4fab-a63d-7e88639e58f6';
    },
  },
  {
    title: 'limits each address and stops known bad ones, without looking into bodies or keeping samples',
    violations: (stack) => {
      const { inputs } = the(stack, FIREWALL, 'edge');
      const statements = statementsOf(stack);
      const groups = statements
        .map((statement) => at(statement, 'managedRuleGroupStatement.name'))
        .filter((name) => name !== undefined);
      return [
        ...(inputs.scope === 'CLOUDFRONT' && inputs.region === 'us-east-1' ? [] : ['not of CloudFront']),
        ...(the(stack, DISTRIBUTION, 'edge').inputs.webAclId !== undefined &&
        String(the(stack, DISTRIBUTION, 'edge').inputs.webAclId).includes('/logline-staging-edge/')
          ? []
          : ['not before the distribution']),
        ...(groups.join() === 'AWSManagedRulesAmazonIpReputationList' ? [] : [groups.join()]),
        ...(statements.some((statement) => Number(at(statement, 'rateBasedStatement.limit')) === 10_000)
          ? []
          : ['no limit']),
        ...[inputs, ...listOf(inputs.rules)]
          .filter((item) => at(item, 'visibilityConfig.sampledRequestsEnabled') !== false)
          .map(() => 'samples hold tokens'),
      ];
    },
    breakIt: (stack) => {
      the(stack, FIREWALL, 'edge').inputs.rules = [];
    },
  },
  {
    title: 'has a certificate of us-east-1, proven in the zone, and records of both families',
    violations: (stack) => {
      const types = ofType(stack, RECORD).map(({ inputs }) => inputs.type);
      const { inputs } = the(stack, CERTIFICATE, 'edge');
      return [
        ...(inputs.region === 'us-east-1' && inputs.domainName === 'ledger.example.com'
          ? []
          : ['certificate']),
        ...(types.sort().join() === 'A,AAAA,CNAME' ? [] : [`records: ${types.join()}`]),
        ...(/:acm:us-east-1:/.test(
          String(at(the(stack, DISTRIBUTION, 'edge').inputs, 'viewerCertificate.acmCertificateArn')),
        )
          ? []
          : ['not used']),
        ...(listOf(the(stack, DISTRIBUTION, 'edge').inputs.aliases).join() === 'ledger.example.com'
          ? []
          : ['name']),
      ];
    },
    breakIt: (stack) => {
      the(stack, CERTIFICATE, 'edge').inputs.region = undefined;
    },
  },
];

/** An object member of inputs, which a test may change. */
function recordInput(inputs: Record<string, unknown>, key: string): Record<string, unknown> {
  const copy = recordOf(inputs[key]);
  inputs[key] = copy;
  return copy;
}
