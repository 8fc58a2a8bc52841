import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { EDGE_HEADER } from '../runtime/lambda/edge-guard';
import type { EdgeSettings } from './edge-settings';
import type { Names } from './names';

/** Arguments of {@link Edge}. */
export interface EdgeArgs {
  readonly names: Names;
  readonly settings: EdgeSettings;
  /** URL of the API behind it. */
  readonly apiEndpoint: pulumi.Output<string>;
  /** Value of the header that proves a call came through here, a secret. */
  readonly header: pulumi.Output<string>;
}

/** CloudFront takes certificates and firewalls from here, wherever the stack is. */
const REGION = 'us-east-1';
/** AWS's own: "Managed-CachingDisabled". What callers see depends on their token, so nothing is kept at the edge. */
const CACHE_NOTHING = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad';
/** AWS's own: "Managed-AllViewerExceptHostHeader". API Gateway knows itself by its own name only. */
const FORWARD_ALL = 'b689b0a8-53d0-40ab-baf2-68738e2966ac';
/** A little longer than API Gateway takes at most. */
const ORIGIN_TIMEOUT_SECONDS = 35;
const PRICE_CLASSES = { '100': 'PriceClass_100', '200': 'PriceClass_200', all: 'PriceClass_All' } as const;

/**
 * CloudFront before the API: TLS near the caller, HTTP/3, a name of one's own, and a firewall. Each call gets a secret
 * header, without which Stage-0 answers nobody, so the firewall cannot be gone around.
 *
 * Costs $1.00 per million requests and $0.085 a GB; the firewall $5 a month, $1 a rule and $0.60 per million requests
 * (us-east-1, 2026-11).
 */
export class Edge extends pulumi.ComponentResource {
  /** URL without a slash at the end. */
  readonly endpoint: pulumi.Output<string>;

  readonly #args: EdgeArgs;

  constructor(name: string, args: EdgeArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Edge', name, {}, opts);
    this.#args = args;
    const certificateArn = this.#certificate(name);
    const firewall = args.settings.waf ? this.#createFirewall(name) : undefined;
    const distribution = this.#createDistribution(name, certificateArn, firewall?.arn);
    this.#createRecords(name, distribution);
    this.endpoint = pulumi.interpolate`https://${args.settings.domain ?? distribution.domainName}`;
    this.registerOutputs({ endpoint: this.endpoint });
  }

  /** The certificate that is given, or a new one that the zone vouches for. */
  #certificate(name: string): pulumi.Input<string> | undefined {
    const { domain, certificateArn, zoneId } = this.#args.settings;
    if (domain === undefined || certificateArn !== undefined || zoneId === undefined) return certificateArn;
    const certificate = new aws.acm.Certificate(
      name,
      { region: REGION, domainName: domain, validationMethod: 'DNS' },
      { parent: this },
    );
    const proof = certificate.domainValidationOptions.apply((options) => options[0]);
    const record = new aws.route53.Record(
      `${name}-validation`,
      {
        zoneId,
        name: proof.apply((one) => one?.resourceRecordName ?? ''),
        type: proof.apply((one) => one?.resourceRecordType ?? ''),
        records: [proof.apply((one) => one?.resourceRecordValue ?? '')],
        ttl: 300,
        // A certificate before this one may have left the same record.
        allowOverwrite: true,
      },
      { parent: this },
    );
    return new aws.acm.CertificateValidation(
      name,
      { region: REGION, certificateArn: certificate.arn, validationRecordFqdns: [record.fqdn] },
      { parent: this },
    ).certificateArn;
  }

  /**
   * No rule looks into bodies: a ledger holds any text, and what looks like an attack may be a span about one. Requests are
   * not sampled, since samples hold headers, and those hold tokens.
   */
  #createFirewall(name: string): aws.wafv2.WebAcl {
    const { names, settings } = this.#args;
    const visible = (metric: string) => ({
      cloudwatchMetricsEnabled: true,
      metricName: names.of('acl', metric),
      sampledRequestsEnabled: false,
    });
    return new aws.wafv2.WebAcl(
      name,
      {
        region: REGION,
        name: names.of('acl', 'edge'),
        scope: 'CLOUDFRONT',
        defaultAction: { allow: {} },
        rules: [
          {
            name: 'addresses-known-for-attacks',
            priority: 0,
            overrideAction: { none: {} },
            statement: {
              managedRuleGroupStatement: { vendorName: 'AWS', name: 'AWSManagedRulesAmazonIpReputationList' },
            },
            visibilityConfig: visible('reputation'),
          },
          {
            name: 'limit-of-each-address',
            priority: 1,
            action: { block: { customResponse: { responseCode: 429 } } },
            statement: {
              rateBasedStatement: {
                limit: settings.addressLimit,
                aggregateKeyType: 'IP',
                evaluationWindowSec: 300,
              },
            },
            visibilityConfig: visible('limit'),
          },
        ],
        visibilityConfig: visible('edge'),
      },
      { parent: this },
    );
  }

  #createDistribution(
    name: string,
    certificateArn: pulumi.Input<string> | undefined,
    firewallArn: pulumi.Input<string> | undefined,
  ): aws.cloudfront.Distribution {
    const { names, settings, apiEndpoint, header } = this.#args;
    return new aws.cloudfront.Distribution(
      name,
      {
        comment: `LogLine ${names.prefix}`,
        enabled: true,
        isIpv6Enabled: true,
        httpVersion: 'http2and3',
        priceClass: PRICE_CLASSES[settings.priceClass],
        ...(settings.domain === undefined ? {} : { aliases: [settings.domain] }),
        ...(firewallArn === undefined ? {} : { webAclId: firewallArn }),
        origins: [
          {
            originId: 'api',
            domainName: apiEndpoint.apply((url) => new URL(url).hostname),
            customOriginConfig: {
              httpPort: 80,
              httpsPort: 443,
              originProtocolPolicy: 'https-only',
              originSslProtocols: ['TLSv1.2'],
              originReadTimeout: ORIGIN_TIMEOUT_SECONDS,
            },
            customHeaders: [{ name: EDGE_HEADER, value: header }],
          },
        ],
        defaultCacheBehavior: {
          targetOriginId: 'api',
          // Not led to https: whoever calls without TLS has shown its token already, and shall notice.
          viewerProtocolPolicy: 'https-only',
          allowedMethods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE'],
          cachedMethods: ['GET', 'HEAD'],
          cachePolicyId: CACHE_NOTHING,
          originRequestPolicyId: FORWARD_ALL,
          compress: false,
        },
        restrictions: { geoRestriction: { restrictionType: 'none' } },
        viewerCertificate:
          certificateArn === undefined
            ? { cloudfrontDefaultCertificate: true }
            : {
                acmCertificateArn: certificateArn,
                sslSupportMethod: 'sni-only',
                minimumProtocolVersion: 'TLSv1.2_2021',
              },
      },
      { parent: this, additionalSecretOutputs: ['origins'] },
    );
  }

  #createRecords(name: string, distribution: aws.cloudfront.Distribution): void {
    const { domain, zoneId } = this.#args.settings;
    if (domain === undefined || zoneId === undefined) return;
    for (const type of ['A', 'AAAA'] as const) {
      new aws.route53.Record(
        `${name}-${type.toLowerCase()}`,
        {
          zoneId,
          name: domain,
          type,
          aliases: [
            {
              name: distribution.domainName,
              zoneId: distribution.hostedZoneId,
              evaluateTargetHealth: false,
            },
          ],
        },
        { parent: this },
      );
    }
  }
}
