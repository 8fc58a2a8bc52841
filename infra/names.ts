/**
 * Names of AWS resources. Every name carries project and stack, so that two stacks live in one account;
 * names in account-wide namespaces (IAM) carry the region too, so that they live in two regions as well.
 */

/** Kind of resource; AWS limits the length of each kind's names. */
export type NameKind =
  | 'function'
  | 'role'
  | 'queue'
  | 'layer'
  | 'database'
  | 'snapshot'
  | 'schedule'
  | 'secret'
  | 'alias'
  | 'topic'
  | 'api'
  | 'acl'
  | 'alarm'
  | 'dashboard'
  | 'group'
  | 'vault'
  | 'log';

/**
 * Longest name that AWS accepts for each kind, in characters.
 *
 * Lambda function names 64, IAM roles 64, SQS queues 80, layers 64 (140 with the ARN), RDS identifiers 63,
 * snapshots 255, EventBridge schedules and groups 64, Secrets Manager 512 less the 26 that a random suffix
 * takes, KMS aliases 250, SNS topics 256, HTTP APIs 128, web ACLs 128, alarms and dashboards 255, security groups 255,
 * vaults of AWS Backup and selections 50, log groups 512.
 */
export const NAME_LIMITS: Readonly<Record<NameKind, number>> = {
  function: 64,
  role: 64,
  queue: 80,
  layer: 64,
  database: 63,
  snapshot: 255,
  schedule: 64,
  secret: 486,
  alias: 250,
  topic: 256,
  api: 128,
  acl: 128,
  alarm: 255,
  dashboard: 255,
  group: 255,
  vault: 50,
  log: 512,
};

/** Project, stack and region, from which names are built. */
export interface NameScope {
  /** Pulumi project: `logline`. */
  readonly project: string;
  /** Stack: `dev`. */
  readonly stack: string;
  /** Region: `us-east-1`. */
  readonly region: string;
}

/**
 * Longest suffix that the program uses for each kind, so that {@link nameFaults} can refuse a stack before anything is
 * created. A test compares it with the names that the program registers.
 */
export const LONGEST_SUFFIX: Readonly<Partial<Record<NameKind, string>>> = {
  function: 'request-worker',
  role: 'request-worker-sched',
  queue: 'request-worker-ticks',
  layer: 'kernels',
  database: 'subnets',
  schedule: 'request-worker',
  vault: 'backup-copies',
};

/** Makes the names of one stack. */
export class Names {
  readonly #scope: NameScope;

  constructor(scope: NameScope) {
    this.#scope = scope;
  }

  /** Prefix of every name of the stack: `logline-dev`. */
  get prefix(): string {
    return `${this.#scope.project}-${this.#scope.stack}`;
  }

  /**
   * Prefix of a bucket's name. S3 allows 63 characters, of which Pulumi's random suffix takes 26; the suffix keeps names
   * unique when the prefix is cut.
   */
  bucketPrefix(purpose: string): string {
    return `${this.prefix.slice(0, 35 - purpose.length)}-${purpose}-`;
  }

  /**
   * A name of `kind`, such as `logline-dev-run-code` for the function `run_code`.
   *
   * @throws RangeError when AWS would refuse its length.
   */
  of(kind: NameKind, suffix: string): string {
    const part = suffix.replaceAll('_', '-');
    const name = kind === 'role' ? `${this.prefix}-${this.#scope.region}-${part}` : `${this.prefix}-${part}`;
    const limit = NAME_LIMITS[kind];
    if (name.length > limit) {
      throw new RangeError(`the ${kind} name "${name}" has ${name.length} characters, AWS allows ${limit}`);
    }
    return name;
  }
}

/**
 * Reasons why AWS would refuse the names of a stack; empty when there are none.
 */
export function nameFaults(scope: NameScope): string[] {
  const faults: string[] = [];
  for (const [key, value] of [
    ['project', scope.project],
    ['stack', scope.stack],
  ] as const) {
    // RDS identifiers are the strictest: lower case, digits and single hyphens, first a letter.
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(value)) {
      faults.push(
        `${key} name "${value}": allowed are lower-case letters, digits and single hyphens, starting with a letter`,
      );
    }
  }
  const names = new Names(scope);
  for (const [kind, suffix] of Object.entries(LONGEST_SUFFIX) as [NameKind, string][]) {
    try {
      names.of(kind, suffix);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      faults.push(`stack "${scope.stack}" in ${scope.region}: ${reason}; use a shorter stack name`);
    }
  }
  return faults;
}
