import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { EDGE_HEADER } from '../runtime/lambda/edge-guard';
import type { EdgeSettings } from './edge-settings';
import type { Names } from './names';

/** Arguments of {@link Edge}. */
export interface EdgeArgs {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** The group `edge`: domain, certificate, firewall. */
  readonly settings: EdgeSettings;
  /** URL of the API behind the distribution. */
  readonly apiEndpoint: pulumi.Output<string>;
  /** Secret value of the header `x-logline-edge`. */
  readonly header: pulumi.Output<string>;
}

/** CloudFront takes certificates and web ACLs from us-east-1 only. */
const REGION = 'us-east-1';
/** AWS's "Managed-CachingDisabled": answers depend on the caller's token, so the edge caches none. */
const CACHE_NOTHING = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad';
/** AWS's "Managed-AllViewerExceptHostHeader": API Gateway answers to its own host name only. */
const FORWARD_ALL = 'b689b0a8-53d0-40ab-baf2-68738e2966ac';
/** Longer than API Gateway's limit of 30 s. */
const ORIGIN_TIMEOUT_SECONDS = 35;
const PRICE_CLASSES = { '100': 'PriceClass_100', '200': 'PriceClass_200', all: 'PriceClass_All' } as const;

/**
 * CloudFront in front of the API: TLS near the caller, HTTP/3, a custom domain, and a firewall. CloudFront adds a secret
 * header to each call; Stage-0 refuses calls without it, so nobody bypasses the firewall.
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

  /** The configured certificate, or a new one validated through the hosted zone. */
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
        // An earlier certificate for the domain leaves the same validation record.
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
   * No rule inspects bodies: a ledger holds any text, and a span may describe an attack. Requests are not sampled,
   * because samples contain headers and thereby tokens.
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
          // No redirect: a call without TLS has already exposed its token, so it must fail.
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
