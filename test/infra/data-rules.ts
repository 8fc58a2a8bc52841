/** Rules on stored data: the database, the secrets, the network around them. */

import type { Rule } from './access-rules';
import { at, listOf, ofType, recordOf, the } from './subject';

const INSTANCE = 'aws:rds/instance:Instance';
const SECRET_VERSION = 'aws:secretsmanager/secretVersion:SecretVersion';
const PARAMETERS = 'aws:rds/parameterGroup:ParameterGroup';

/** Secrets of a dry run that must not appear in plain text. */
const SECRET_TEXTS = ['sk-provider-secret'];

export const DATA_RULES: readonly Rule[] = [
  {
    title:
      'keeps the database encrypted, private, backed up, and on the major version of the embedded server',
    violations: (stack) =>
      ofType(stack, INSTANCE)
        .filter(({ inputs }) => {
          return (
            inputs.storageEncrypted !== true ||
            inputs.publiclyAccessible !== false ||
            !(Number(inputs.backupRetentionPeriod) >= 1) ||
            inputs.engine !== 'postgres' ||
            inputs.engineVersion !== '17'
          );
        })
        .map(({ name }) => name),
    breakIt: (stack) => {
      the(stack, INSTANCE, 'database').inputs.storageEncrypted = false;
    },
  },
  {
    title: 'refuses connections to the database without TLS',
    violations: (stack) => {
      const group = the(stack, PARAMETERS, 'database');
      const forced = listOf(group.inputs.parameters).some(
        (item) => at(item, 'name') === 'rds.force_ssl' && at(item, 'value') === '1',
      );
      return forced && group.inputs.family === 'postgres17' ? [] : ['rds.force_ssl is not 1'];
    },
    breakIt: (stack) => {
      the(stack, PARAMETERS, 'database').inputs.parameters = [];
    },
  },
  {
    title:
      'holds no password and no seed: RDS makes one, the migrator the others; given are provider keys and the header of a distribution, encrypted',
    violations: (stack) => [
      ...ofType(stack, SECRET_VERSION)
        .filter(
          ({ name, secrets }) =>
            !/^secrets-(provider-keys|edge-header)$/.test(name) || !secrets.includes('secretString'),
        )
        .map(({ name }) => name),
      ...ofType(stack, INSTANCE)
        .filter(
          ({ inputs }) =>
            inputs.manageMasterUserPassword !== true ||
            inputs.password !== undefined ||
            !String(inputs.masterUserSecretKmsKeyId).includes(':kms:'),
        )
        .map(({ name }) => name),
      ...stack.resources
        .filter(
          ({ type, name }) => /^random:.*(Password|Bytes)$/.test(type) && name !== 'secrets-edge-header',
        )
        .map(({ type, name }) => `${type} ${name}`),
      ...stack.secretOutputs.map((key) => `output ${key}`),
    ],
    breakIt: (stack) => {
      the(stack, INSTANCE, 'database').inputs.password = 'in the state';
    },
  },
  {
    title: 'writes no secret in plain, neither into an input nor into the code of a function',
    violations: (stack) => [
      ...stack.resources
        .filter((item) => leaks(withoutSecrets(item.inputs, item.secrets, '')))
        .map(({ type, name }) => `${type} ${name}`),
      ...[...stack.archives]
        .filter(([, files]) => leaks([...files.values()]))
        .map(([name]) => `code of ${name}`),
      ...Object.entries(stack.outputs)
        .filter(([key, value]) => !stack.secretOutputs.includes(key) && leaks(value))
        .map(([key]) => `output ${key}`),
    ],
    breakIt: (stack) => {
      stack.archives.get('stage0')?.set('__index.js', 'const key = "sk-provider-secret"');
    },
  },
  {
    title: 'encrypts every secret with the key of the stack',
    violations: (stack) =>
      ofType(stack, 'aws:secretsmanager/secret:Secret')
        .filter(({ inputs }) => !String(inputs.kmsKeyId).includes(':kms:'))
        .map(({ name }) => name),
    breakIt: (stack) => {
      the(stack, 'aws:secretsmanager/secret:Secret', 'secrets-app').inputs.kmsKeyId = undefined;
    },
  },
  {
    title: 'exports the public half of the instance key, and the addresses of what was deployed',
    violations: (stack) =>
      ['apiEndpoint', 'databaseEndpoint', 'databaseName', 'functionNames']
        .filter((key) => stack.outputs[key] === undefined)
        .concat(/^[0-9a-f]{64}$/.test(String(stack.outputs.publicKeyHex)) ? [] : ['publicKeyHex']),
    breakIt: (stack) => {
      stack.outputs.publicKeyHex = undefined;
    },
  },
  {
    title: 'has private subnets in at least two zones, both with IPv6 and a way out but none in',
    violations: (stack) => {
      const subnets = ofType(stack, 'aws:ec2/subnet:Subnet').filter(({ name }) => name.includes('-private-'));
      const zones = new Set(subnets.map(({ inputs }) => inputs.availabilityZone));
      const exits = ofType(stack, 'aws:ec2/routeTable:RouteTable').filter(({ name }) =>
        name.includes('-private-'),
      );
      return [
        ...(zones.size >= 2 && zones.size === subnets.length ? [] : ['zones']),
        ...subnets
          .filter(({ inputs }) => inputs.ipv6CidrBlock === undefined || inputs.mapPublicIpOnLaunch !== false)
          .map(({ name }) => name),
        ...exits
          .filter(({ inputs }) => {
            const routes = listOf(inputs.routes).map(recordOf);
            return (
              !routes.some((route) => route.egressOnlyGatewayId !== undefined) ||
              routes.some((route) => route.gatewayId !== undefined)
            );
          })
          .map(({ name }) => name),
      ];
    },
    breakIt: (stack) => {
      the(stack, 'aws:ec2/routeTable:RouteTable', 'network-private-0').inputs.routes = [
        { cidrBlock: '0.0.0.0/0', gatewayId: 'igw' },
      ];
    },
  },
  {
    title: 'leaves the default security group closed',
    violations: (stack) =>
      ofType(stack, 'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup')
        .filter(({ inputs }) => listOf(inputs.ingress).length + listOf(inputs.egress).length > 0)
        .map(({ name }) => name),
    breakIt: (stack) => {
      the(stack, 'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup', 'network').inputs.ingress = [
        { cidr: 'all' },
      ];
    },
  },
];

const BUCKET = 'aws:s3/bucket:Bucket';
const S3 = 'aws:s3/bucket';

/** Rules on the bucket of checkpoints and the rollback guard. */
export const BUCKET_RULES: readonly Rule[] = [
  {
    title: 'keeps every version of a checkpoint for days that nobody can shorten by mistake',
    violations: (stack) => {
      const retention = at(
        the(stack, `${S3}ObjectLockConfiguration:BucketObjectLockConfiguration`, 'proofs').inputs,
        'rule.defaultRetention',
      );
      const versioning = the(stack, `${S3}Versioning:BucketVersioning`, 'proofs').inputs;
      return [
        ...(the(stack, BUCKET, 'proofs').inputs.objectLockEnabled === true ? [] : ['no Object Lock']),
        ...(['GOVERNANCE', 'COMPLIANCE'].includes(String(at(retention, 'mode'))) &&
        Number(at(retention, 'days')) >= 1
          ? []
          : ['no retention']),
        ...(at(versioning, 'versioningConfiguration.status') === 'Enabled' ? [] : ['no versions']),
      ];
    },
    breakIt: (stack) => {
      the(stack, `${S3}ObjectLockConfiguration:BucketObjectLockConfiguration`, 'proofs').inputs.rule =
        undefined;
    },
  },
  {
    title: 'encrypts the bucket of the proofs, closes it to the public, and refuses calls without TLS',
    violations: (stack) => {
      const block = the(stack, `${S3}PublicAccessBlock:BucketPublicAccessBlock`, 'proofs').inputs;
      const policy = String(the(stack, `${S3}Policy:BucketPolicy`, 'proofs').inputs.policy);
      const [statement] = listOf(at(JSON.parse(policy), 'Statement'));
      const encryption = the(
        stack,
        `${S3}ServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration`,
        'proofs',
      ).inputs;
      return [
        ...['blockPublicAcls', 'blockPublicPolicy', 'ignorePublicAcls', 'restrictPublicBuckets'].filter(
          (key) => block[key] !== true,
        ),
        ...(at(statement, 'Effect') === 'Deny' &&
        at(statement, 'Principal') === '*' &&
        at(at(statement, 'Condition.Bool'), 'aws:SecureTransport') === 'false'
          ? []
          : ['TLS is not asked for']),
        ...(listOf(encryption.rules).length === 1 ? [] : ['not encrypted']),
      ];
    },
    breakIt: (stack) => {
      the(stack, `${S3}PublicAccessBlock:BucketPublicAccessBlock`, 'proofs').inputs.blockPublicPolicy = false;
    },
  },
  {
    title: 'watches that sealing keeps up, that no log is stopped, and that nothing holds the feed back',
    violations: (stack) => [
      ...['SealingCaughtUp', 'SealingStopped', 'FeedHeldBack'].filter(
        (metric) =>
          !ofType(stack, 'aws:cloudwatch/metricAlarm:MetricAlarm').some(
            ({ inputs }) => inputs.metricName === metric && inputs.namespace === 'LogLine',
          ),
      ),
      ...(the(stack, 'aws:cloudwatch/metricAlarm:MetricAlarm', 'sealing-lag').inputs.treatMissingData ===
      'breaching'
        ? []
        : ['silence of the sealer']),
    ],
    breakIt: (stack) => {
      the(stack, 'aws:cloudwatch/metricAlarm:MetricAlarm', 'sealing-stopped').inputs.metricName = 'Other';
    },
  },
];

/** Only for stacks with `logline:backup`. */
export const BACKUP_RULES: readonly Rule[] = [
  {
    title: 'backs up the database once a day, keeps it for a while, and copies it into the other region',
    violations: (stack) => {
      const plan = the(stack, 'aws:backup/plan:Plan', 'backup');
      const [rule] = listOf(plan.inputs.rules);
      const [copy] = listOf(at(rule, 'copyActions'));
      const selection = the(stack, 'aws:backup/selection:Selection', 'backup');
      return [
        ...(/^cron\(\d+ \d+ \* \* \? \*\)$/.test(String(at(rule, 'schedule'))) ? [] : ['not daily']),
        ...(at(at(rule, 'lifecycle'), 'deleteAfter') === 35 ? [] : ['kept for another time']),
        ...(at(at(copy, 'lifecycle'), 'deleteAfter') === 7 ? [] : ['no copy, or kept for another time']),
        ...(the(stack, 'aws:backup/vault:Vault', 'backup-copy').inputs.region === 'eu-west-1'
          ? []
          : ['region']),
        ...(/logline-staging-db$/.test(String(listOf(selection.inputs.resources)[0]))
          ? []
          : ['not the database']),
      ];
    },
    breakIt: (stack) => {
      the(stack, 'aws:backup/plan:Plan', 'backup').inputs.rules = [];
    },
  },
  {
    title: 'has begun a backup more than an hour before the windows of RDS, in which AWS Backup starts none',
    violations: (stack) => {
      const [rule] = listOf(the(stack, 'aws:backup/plan:Plan', 'backup').inputs.rules);
      const [, minute, hour] = /^cron\((\d+) (\d+) /.exec(String(at(rule, 'schedule'))) ?? [];
      const begun = Number(hour) * 60 + Number(minute) + Number(at(rule, 'startWindow'));
      const { backupWindow, maintenanceWindow } = the(stack, INSTANCE, 'database').inputs;
      return [backupWindow, maintenanceWindow]
        .filter((window) => {
          const [, from, to] = /(\d\d):(\d\d)-/.exec(String(window)) ?? [];
          return !(begun + 60 <= Number(from) * 60 + Number(to));
        })
        .map(String);
    },
    breakIt: (stack) => {
      the(stack, INSTANCE, 'database').inputs.backupWindow = '02:30-03:30';
    },
  },
];

/** Only for stacks with `logline:protect`. */
export const PROTECTED_RULES: readonly Rule[] = [
  {
    title: 'refuses to delete database, keys and secrets, and keeps a final snapshot',
    violations: (stack) => [
      ...stack.resources
        .filter(({ type }) =>
          [INSTANCE, BUCKET, 'aws:kms/key:Key', 'aws:secretsmanager/secret:Secret'].includes(type),
        )
        .filter(({ protect }) => !protect)
        .map(({ type, name }) => `${type} ${name}`),
      ...ofType(stack, INSTANCE)
        .filter(({ inputs }) => {
          return (
            inputs.deletionProtection !== true ||
            inputs.skipFinalSnapshot !== false ||
            !/^logline-prod-final-/.test(String(inputs.finalSnapshotIdentifier))
          );
        })
        .map(({ name }) => name),
    ],
    breakIt: (stack) => {
      the(stack, INSTANCE, 'database').protect = false;
    },
  },
  {
    title: 'has a standby in another zone, and a NAT gateway in each',
    violations: (stack) => {
      const zones = ofType(stack, 'aws:ec2/subnet:Subnet').filter(({ name }) =>
        name.includes('-private-'),
      ).length;
      return [
        ...(ofType(stack, 'aws:ec2/natGateway:NatGateway').length === zones ? [] : ['NAT gateways']),
        ...ofType(stack, INSTANCE)
          .filter(({ inputs }) => inputs.multiAz !== true)
          .map(({ name }) => name),
      ];
    },
    breakIt: (stack) => {
      the(stack, INSTANCE, 'database').inputs.multiAz = false;
    },
  },
];

function leaks(value: unknown): boolean {
  const text = JSON.stringify(value) ?? '';
  return SECRET_TEXTS.some((secret) => text.includes(secret));
}

function withoutSecrets(value: unknown, secrets: readonly string[], path: string): unknown {
  if (secrets.includes(path)) {
    return undefined;
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => withoutSecrets(item, secrets, `${path}[${index}]`));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      withoutSecrets(item, secrets, path === '' ? key : `${path}.${key}`),
    ]),
  );
}
