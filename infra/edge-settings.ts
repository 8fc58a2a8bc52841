import type { SettingsReader } from './settings-reader';

/** `logline:edge`: CloudFront in front of the API, with a custom domain and a firewall. */
export interface EdgeSettings {
  /** Custom domain, such as `ledger.example.com`. Defaults to CloudFront's own host name. */
  readonly domain: string | undefined;
  /** ARN of an ACM certificate for `domain` in us-east-1. Defaults to a new certificate, which needs `zoneId`. */
  readonly certificateArn: string | undefined;
  /** Route 53 hosted zone for the DNS records of `domain`. Defaults to none: create the records yourself. */
  readonly zoneId: string | undefined;
  /** AWS WAF with AWS's IP reputation list and a rate limit per address. Defaults to true. */
  readonly waf: boolean;
  /** Requests per address in five minutes, 10–1,000,000; more get 429. Defaults to 10,000. */
  readonly addressLimit: number;
  /** CloudFront price class: `100` (default) for North America and Europe, `200`, or `all`. */
  readonly priceClass: '100' | '200' | 'all';
  /** Version of the secret header `x-logline-edge`; raise it to rotate the value. Defaults to 1. */
  readonly headerVersion: number;
}

const MEMBERS = [
  'domain',
  'certificateArn',
  'zoneId',
  'waf',
  'addressLimit',
  'priceClass',
  'headerVersion',
] as const;

/** Characters of the name that a certificate is made for (ACM API, `RequestCertificate`, `DomainName`). */
const LONGEST_COMMON_NAME = 64;

/** Undefined without `enabled`. */
export function readEdge(root: SettingsReader, partition: string): EdgeSettings | undefined {
  const reader = root.object('edge', ['enabled', ...MEMBERS]);
  if (!reader.boolean('enabled', false)) {
    for (const key of MEMBERS.filter((name) => reader.has(name)))
      reader.fault(key, 'has no meaning without enabled; set logline:edge.enabled to true, or remove it');
    return undefined;
  }
  if (partition !== 'aws') reader.fault('enabled', `CloudFront does not exist in partition ${partition}`);
  const waf = reader.boolean('waf', true);
  if (!waf && reader.has('addressLimit')) reader.fault('addressLimit', 'has no meaning without waf');
  return {
    ...readName(reader),
    waf,
    addressLimit: reader.integer('addressLimit', { min: 10, max: 1_000_000, fallback: 10_000 }),
    priceClass: reader.oneOf('priceClass', ['100', '200', 'all'], '100'),
    headerVersion: reader.integer('headerVersion', { min: 1, max: 1_000_000, fallback: 1 }),
  };
}

function readName(reader: SettingsReader): Pick<EdgeSettings, 'domain' | 'certificateArn' | 'zoneId'> {
  const domain = reader.optionalText(
    'domain',
    /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/,
    'a host name in lower case, such as ledger.example.com',
  );
  const certificateArn = reader.optionalText(
    'certificateArn',
    // CloudFront accepts ACM certificates of us-east-1 only (CloudFront developer guide, "Requirements for using SSL/TLS certificates").
    /^arn:aws:acm:us-east-1:\d{12}:certificate\/[0-9a-f-]{36}$/,
    'the ARN of an ACM certificate in us-east-1',
  );
  const zoneId = reader.optionalText('zoneId', /^Z[0-9A-Z]{4,31}$/, 'the id of a hosted zone, such as Z0123');
  if (domain === undefined) {
    for (const key of ['certificateArn', 'zoneId'].filter((name) => reader.has(name)))
      reader.fault(key, 'has no meaning without domain');
  } else if (certificateArn === undefined && zoneId === undefined) {
    reader.fault('domain', 'needs a certificate: zoneId to have one made, or certificateArn');
  } else if (certificateArn === undefined && domain.length > LONGEST_COMMON_NAME) {
    reader.fault(
      'domain',
      `has ${domain.length} characters, and ACM makes certificates for ${LONGEST_COMMON_NAME}; take a shorter one, or certificateArn`,
    );
  }
  return { domain, certificateArn, zoneId };
}
