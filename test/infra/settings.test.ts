import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { ConfigError, parseSettings, SETTING_KEYS } from '../../infra/settings';

const BASE = { project: 'logline', stack: 'dev', region: 'us-east-1', values: {} };

function faultsOf(values: Record<string, unknown>, base: Partial<typeof BASE> = {}): readonly string[] {
  try {
    parseSettings({ ...BASE, ...base, values });
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.faults;
  }
}

describe('stack settings', () => {
  it('need nothing but a region', () => {
    const settings = parseSettings(BASE);
    assert.equal(settings.network.egress, 'ipv6');
    assert.equal(settings.database.instanceClass, 'db.t4g.micro');
    assert.equal(settings.oidc, undefined);
    assert.deepEqual(settings.warnings, []);
  });

  it('of an issuer may name the claims of user, tenant and scopes', () => {
    const oidc = { issuer: 'https://id.example', audience: 'logline' };
    const claimsOf = (given: object) => {
      const { userClaim, tenantClaim, scopeClaim } =
        parseSettings({ ...BASE, values: { oidc: { ...oidc, ...given } } }).oidc ?? {};
      return [userClaim, tenantClaim, scopeClaim];
    };
    assert.deepEqual(claimsOf({}), ['sub', 'tenant', 'scope']);
    assert.deepEqual(claimsOf({ userClaim: 'uid', tenantClaim: 'org', scopeClaim: 'scp' }), [
      'uid',
      'org',
      'scp',
    ]);
  });

  it('hold no empty feed page by default, and up to 20 s by setting', () => {
    assert.equal(parseSettings(BASE).api.maxWaitSeconds, 0);
    assert.equal(parseSettings({ ...BASE, values: { api: { maxWaitSeconds: 20 } } }).api.maxWaitSeconds, 20);
    assert.throws(
      () => parseSettings({ ...BASE, values: { api: { maxWaitSeconds: 21 } } }),
      /maxWaitSeconds/,
    );
  });

  it('match Pulumi.yaml, key by key', () => {
    const project = parse(readFileSync(join(REPOSITORY_ROOT, 'Pulumi.yaml'), 'utf8'));
    const declared = Object.keys(project.config);
    assert.deepEqual([...declared, 'providerKeys'].sort(), [...SETTING_KEYS].sort());
    for (const key of declared) {
      assert.ok(project.config[key].description, `${key} has no description`);
      assert.ok('default' in project.config[key], `${key} without a default would be required`);
    }
  });

  it('take the empty objects that Pulumi.yaml declares as defaults', () => {
    const empty = Object.fromEntries(SETTING_KEYS.slice(2, -1).map((key) => [key, {}]));
    assert.deepEqual(parseSettings({ ...BASE, values: empty }), parseSettings(BASE));
  });

  it('report every fault at once, each with its key and what is allowed', () => {
    const faults = faultsOf(
      {
        protect: 'perhaps',
        network: { egress: 'carrier-pigeon', zones: 9 },
        database: { instanceClass: 'db.x1.huge', backupDays: 0 },
        functions: { logRetentionDays: 31 },
      },
      { region: 'the moon' },
    );
    for (const key of [
      'aws:region',
      'logline:protect',
      'logline:network.egress',
      'logline:network.zones',
      'logline:database.instanceClass',
      'logline:database.backupDays',
      'logline:functions.logRetentionDays',
    ]) {
      const fault = faults.find((text) => text.startsWith(`${key}:`));
      assert.match(fault ?? `nothing about ${key}`, /expected/);
    }
    assert.equal(faults.length, 7, faults.join('\n'));
  });

  const refused: [string, Record<string, unknown>, RegExp][] = [
    ['a misspelt key', { netwrok: {} }, /logline:netwrok: unknown key \(did you mean network\?\)/],
    ['a misspelt member', { database: { instanceclass: 'db.t4g.micro' } }, /did you mean instanceClass\?/],
    ['text where an object belongs', { api: 'fast' }, /logline:api: expected an object/],
    [
      'any origin with credentials',
      { api: { corsOrigins: ['*'], corsCredentials: true } },
      /corsOrigins.*credentials/i,
    ],
    ['an origin with a path', { api: { corsOrigins: ['https://a.example/x'] } }, /corsOrigins/],
    [
      'a witness whose key has another id',
      {
        proofs: {
          witnesses: [
            'witness w witness.example/w+00000000+BAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f https://witness.example/',
          ],
        },
      },
      /proofs\.witnesses: A witness is a line/,
    ],
    ['a public address range', { network: { cidr: '8.8.0.0/16' } }, /private IPv4 range/],
    ['an address range with host bits', { network: { cidr: '10.0.0.1/16' } }, /private IPv4 range/],
    ['an address range that is too small', { network: { cidr: '10.0.0.0/28' } }, /\/16 to \/22/],
    [
      'a subnet without its VPC',
      { network: { subnetIds: ['subnet-12345678', 'subnet-87654321'] } },
      /vpcId: is needed/,
    ],
    [
      'a VPC with a single subnet',
      { network: { vpcId: 'vpc-12345678', subnetIds: ['subnet-12345678', 'subnet-12345678'] } },
      /two to six private subnets/,
    ],
    [
      'a range for a VPC that is there already',
      {
        network: {
          vpcId: 'vpc-12345678',
          subnetIds: ['subnet-12345678', 'subnet-87654321'],
          cidr: '10.0.0.0/16',
        },
      },
      /cidr: has no meaning in a VPC/,
    ],
    [
      'a copy of backups to where they are',
      { backup: { copyRegion: 'us-east-1' } },
      /is the region of the stack/,
    ],
    ['a copy of backups to China', { backup: { copyRegion: 'cn-north-1' } }, /another partition/],
    ['days of a copy that is not made', { backup: { copyDays: 3 } }, /no meaning without copyRegion/],
    ['a firewall before nothing', { edge: { waf: true } }, /edge\.waf: has no meaning without enabled/],
    [
      'a name without a certificate',
      { edge: { enabled: true, domain: 'ledger.example.com' } },
      /edge\.domain: needs a certificate/,
    ],
    [
      'a name that is too long for a certificate',
      { edge: { enabled: true, domain: `${'ledger.'.repeat(8)}example.com`, zoneId: 'Z0123456789' } },
      /domain: has 67 characters, and ACM makes certificates for 64/,
    ],
    ['a zone without a name', { edge: { enabled: true, zoneId: 'Z0123456789' } }, /zoneId: has no meaning/],
    [
      'a certificate of another region, which CloudFront refuses',
      {
        edge: {
          enabled: true,
          domain: 'ledger.example.com',
          certificateArn:
            'arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012',
        },
      },
      /certificateArn: expected the ARN of an ACM certificate in us-east-1/,
    ],
    [
      'a URL for a name',
      { edge: { enabled: true, domain: 'https://ledger.example.com', zoneId: 'Z0123456789' } },
      /edge\.domain: expected a host name/,
    ],
    [
      'a limit of each address without the firewall that keeps it',
      { edge: { enabled: true, waf: false, addressLimit: 100 } },
      /addressLimit: has no meaning without waf/,
    ],
    ['a key that is new each day', { rotation: { keysDays: 1 } }, /rotation\.keysDays: .* from 7 to 3650/],
    ['an Idempotency-Key of no day', { idempotencyDays: 0 }, /idempotencyDays: .* from 1 to 3650/],
    ['gateways without nat', { network: { natGateways: 'one' } }, /natGateways.*egress/],
    [
      'protection without deletion protection',
      { protect: true, database: { deletionProtection: false } },
      /deletionProtection/,
    ],
    [
      'protection without a final snapshot',
      { protect: true, database: { finalSnapshot: false } },
      /finalSnapshot/,
    ],
    [
      'a storage ceiling below the storage',
      { database: { storageGb: 100, maxStorageGb: 100 } },
      /maxStorageGb.*110/,
    ],
    [
      'an issuer without an audience',
      { oidc: { issuer: 'https://id.example' } },
      /logline:oidc\.audience: is missing/,
    ],
    ['a class that RDS does not offer', { database: { instanceClass: 'db.m7g.micro' } }, /that rds offers/],
    [
      'a class that Aurora does not offer',
      { database: { engine: 'aurora', instanceClass: 'db.t4g.micro' } },
      /that aurora offers/,
    ],
    ['readers without Aurora', { database: { readers: 2 } }, /readers: needs engine aurora/],
    ['serverless without Aurora', { database: { serverless: { minAcu: 1 } } }, /needs engine aurora/],
    ['more readers than a cluster has', { database: { engine: 'aurora', readers: 16 } }, /from 0 to 15/],
    [
      'a standby of Aurora, whose readers are that',
      { database: { engine: 'aurora', multiAz: true } },
      /multiAz: has no meaning with engine aurora/,
    ],
    [
      'a class beside serverless',
      { database: { engine: 'aurora', instanceClass: 'db.r7g.large', serverless: { minAcu: 1 } } },
      /instanceClass: has no meaning with serverless/,
    ],
    [
      'a quarter of a capacity unit',
      { database: { engine: 'aurora', serverless: { minAcu: 0.25 } } },
      /steps of 0\.5/,
    ],
    [
      'a capacity that ends below where it begins',
      { database: { engine: 'aurora', serverless: { minAcu: 4, maxAcu: 2 } } },
      /at least minAcu \(4\)/,
    ],
    ['an issuer without TLS', { oidc: { issuer: 'http://id.example', audience: 'a' } }, /https URL/],
    ['a database name that PostgreSQL reserves', { database: { name: 'postgres' } }, /database\.name/],
    ['a tag that AWS reserves', { tags: { 'aws:owner': 'me' } }, /logline:tags/],
    [
      'a tag that says what AWS does not take',
      { tags: { Team: 'who? we!' } },
      /logline:tags: .*text of at most 256 letters/,
    ],
    ['a tag that AWS reserves, in capitals', { tags: { 'AWS:owner': 'me' } }, /logline:tags/],
    ['a tag of the program itself', { tags: { stack: 'mine' } }, /"stack" is there twice/],
    ['two tags that IAM takes for one', { tags: { Team: 'a', team: 'b' } }, /"Team" is there twice/],
    [
      'more tags than a resource may have',
      { tags: Object.fromEntries(Array.from({ length: 47 }, (_, index) => [`tag${index}`, 'x'])) },
      /at most 46 tags; got 47/,
    ],
    ['a database called by a key word', { database: { name: 'order' } }, /"order" is a key word/],
    [
      'a copy of backups to where nothing is',
      { backup: { copyRegion: 'eu-west-9' } },
      /not in the list of regions/,
    ],
    [
      'keys that do not fit into a secret',
      { providerKeys: { openai: 'x'.repeat(65_536) } },
      /at most 65536 bytes, the most of one secret/,
    ],
    [
      'witnesses of a ledger without proofs',
      { proofs: { enabled: false, witnessedTenants: ['acme'] } },
      /witnessedTenants: has no meaning without proofs/,
    ],
    [
      'more origins than the environment of a function holds',
      { api: { corsOrigins: Array.from({ length: 80 }, (_, index) => `https://app${index}.example.com`) } },
      /logline:api\.corsOrigins: has \d+ bytes .*Lambda takes/,
    ],
    [
      'an origin with a comma, which would be two',
      { api: { corsOrigins: ['https://a.example,b'] } },
      /corsOrigins/,
    ],
    ['a provider key that is no name', { providerKeys: { 'acme/open ai': 'sk-1' } }, /logline:providerKeys/],
    ['an empty provider key', { providerKeys: { openai: '' } }, /logline:providerKeys/],
    ['no second copy of a kernel, which AWS refuses', { functions: { tickConcurrency: 1 } }, /from 2 to 10/],
  ];
  for (const [what, values, expected] of refused) {
    it(`refuse ${what}`, () => {
      const faults = faultsOf(values);
      assert.equal(faults.length, 1, faults.join('\n'));
      assert.match(faults[0] ?? '', expected);
    });
  }

  it('put no distribution before the API unless asked, and none where there is no CloudFront', () => {
    assert.equal(parseSettings(BASE).edge, undefined);
    assert.equal(parseSettings({ ...BASE, values: { edge: { enabled: true } } }).edge?.waf, true);
    const china = faultsOf({ edge: { enabled: true } }, { region: 'cn-north-1' });
    assert.match(china.join('\n'), /edge\.enabled: CloudFront does not exist in partition aws-cn/);
  });

  it('take three zones with a gateway each, and a class without CPU credits', () => {
    const { network, database } = parseSettings({
      ...BASE,
      values: {
        network: { zones: 3, egress: 'nat', natGateways: 'per-zone' },
        database: { instanceClass: 'db.m7g.large', multiAz: true },
      },
    });
    assert.deepEqual([network.zones, network.natGateways], [3, 'per-zone']);
    assert.deepEqual([database.instanceClass, database.multiAz], ['db.m7g.large', true]);
  });

  it('rotate passwords after 30 days unless set to none, and keys only by setting', () => {
    const rotation = (values: object) => parseSettings({ ...BASE, values: { rotation: values } }).rotation;
    assert.deepEqual(rotation({}), { passwordsDays: 30, keysDays: undefined });
    assert.deepEqual(rotation({ passwordsDays: 'none', keysDays: 90 }), {
      passwordsDays: undefined,
      keysDays: 90,
    });
    assert.deepEqual(rotation({ keysDays: 'none' }).keysDays, undefined);
  });

  it('refuse a region that is in no list, such as one that does not exist', () => {
    assert.match(faultsOf({}, { region: 'xx-north-1' }).join(), /aws:region: expected a region where/);
  });

  it("let storage grow to five times its size, up to RDS's limit", () => {
    const ceiling = (storageGb: number) =>
      parseSettings({ ...BASE, values: { database: { storageGb } } }).database.maxStorageGb;
    assert.deepEqual([ceiling(100), ceiling(16_000)], [500, 65_536]);
  });

  it("fit Stage-0's concurrency to the database's connections, unless set to none", () => {
    const copies = (values: object) =>
      parseSettings({ ...BASE, values: { ...values } }).functions.apiConcurrency;
    assert.equal(copies({}), 9);
    assert.ok((copies({ database: { instanceClass: 'db.r7g.large' } }) ?? 0) > 100);
    assert.equal(copies({ functions: { apiConcurrency: 'none' } }), undefined);
  });

  it('never repeat a provider key in a message', () => {
    const faults = faultsOf({ providerKeys: { openai: 'sk-very-secret', '': 'x' } });
    assert.equal(faults.length, 1);
    assert.doesNotMatch(faults.join('\n'), /sk-very-secret/);
  });

  it('refuse a stack name that AWS would refuse', () => {
    for (const stack of ['Dev', 'dev_1', 'dev--1', '1dev', 'dev-']) {
      assert.match(faultsOf({}, { stack }).join(), /stack name/, stack);
    }
  });

  it('refuse a stack name that makes AWS names too long, and say which', () => {
    assert.match(
      faultsOf({}, { stack: 'x'.repeat(50) }).join('\n'),
      /function name "logline-x+-request-worker".*AWS allows 64/,
    );
  });

  it('count the region towards the names that carry it', () => {
    const stack = 'preview-of-a-long-feature';
    assert.deepEqual(faultsOf({}, { stack, region: 'us-east-1' }), []);
    assert.match(
      faultsOf({}, { stack, region: 'ap-southeast-1' }).join(),
      /in ap-southeast-1: the role name/,
    );
  });

  it('warn when provider keys are set and only IPv6 leads out', () => {
    const withKeys = { providerKeys: { openai: 'sk-1', 'acme/openai': 'sk-2', 'a/b c/open-ai': 'sk-3' } };
    assert.match(parseSettings({ ...BASE, values: withKeys }).warnings.join(), /provider_exec.*IPv6.*nat/s);
    const nat = { ...withKeys, network: { egress: 'nat' } };
    assert.deepEqual(parseSettings({ ...BASE, values: nat }).warnings, []);
  });

  it('warn of more copies than the database has connections for, and of a backup that has to be opted in to', () => {
    const warnings = (values: Record<string, unknown>) => parseSettings({ ...BASE, values }).warnings.join();
    assert.equal(warnings({}), '');
    assert.match(warnings({ functions: { tickConcurrency: 10 } }), /117 connections at once .* has 55/);
    assert.equal(
      warnings({ functions: { tickConcurrency: 10 }, database: { instanceClass: 'db.m7g.large' } }),
      '',
    );
    assert.match(warnings({ backup: { days: 7 }, database: { engine: 'aurora' } }), /Aurora=true/);
    assert.equal(warnings({ backup: { days: 7 } }), '');
  });
});
