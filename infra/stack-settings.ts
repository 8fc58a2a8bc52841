/**
 * What a stack can be told: every setting with its default and its meaning. `settings.ts` checks and fills them in.
 */

/** How functions in the private subnets reach the internet. */
export type Egress = 'ipv6' | 'nat';

/** `logline:network` */
export interface NetworkSettings {
  /** IPv4 range of the VPC, /16 to /22 within RFC 1918. Defaults to `10.60.0.0/16`. */
  readonly cidr: string;
  /** Zones with a private subnet each, 2 or 3. Defaults to 2. */
  readonly zones: number;
  /**
   * `ipv6` (default): an egress-only gateway, free of charge, reaches hosts that have an IPv6 address.
   * `nat`: NAT gateways as well, for hosts that have none; from $36.50 a month each.
   */
  readonly egress: Egress;
  /** NAT gateways with `egress: nat`: `one` (default), or one `per-zone`, which survives the loss of a zone. */
  readonly natGateways: 'one' | 'per-zone';
  /** A VPC that is there already, in place of one of our own; then `cidr`, `zones` and `natGateways` have no meaning. */
  readonly existing: ExistingNetwork | undefined;
}

/** Where to go in a network that somebody else keeps. */
export interface ExistingNetwork {
  /** `vpc-…`; defaults to none. */
  readonly vpcId: string;
  /**
   * Private subnets, one a zone, two at least. Whoever keeps them sees to the way out: port 443 to Secrets Manager, SQS, Lambda
   * and providers, by the family that `egress` says.
   */
  readonly subnetIds: readonly string[];
}

/** Capacity of an Aurora database that grows and shrinks by itself, in units of 2 GiB of memory. */
export interface ServerlessSettings {
  /** 0.5–256 in steps of 0.5. */
  readonly minAcu: number;
  /** 1–256 in steps of 0.5, not below `minAcu`. */
  readonly maxAcu: number;
}

/** `logline:database` */
export interface DatabaseSettings {
  /** `rds` (default): one PostgreSQL server, and a standby by setting. `aurora`: a cluster with readers. */
  readonly engine: 'rds' | 'aurora';
  /** Graviton class. Defaults to `db.t4g.micro`, with Aurora to `db.t4g.medium`; `db.serverless` with `serverless`. */
  readonly instanceClass: string;
  /** Aurora only, instead of a class. Defaults to none. */
  readonly serverless: ServerlessSettings | undefined;
  /** Aurora only: readers beside the writer, 0–15; one of them takes over when the writer fails. Defaults to 0. */
  readonly readers: number;
  /** Aurora only: a higher price of instances and storage, and none of I/O. Defaults to false. */
  readonly ioOptimized: boolean;
  /** Storage at first, 20–16,384 GiB; Aurora's grows by itself. Defaults to 20. */
  readonly storageGb: number;
  /** Storage grows by itself up to this. Defaults to five times `storageGb`. */
  readonly maxStorageGb: number;
  /** A standby in another zone; of Aurora, readers are. Defaults to false. */
  readonly multiAz: boolean;
  /** Defaults to the stack's `protect`. */
  readonly deletionProtection: boolean;
  /** Days that automated backups are kept, 1–35. Defaults to 7. */
  readonly backupDays: number;
  /** Keep a snapshot when the stack is destroyed. Defaults to the stack's `protect`. */
  readonly finalSnapshot: boolean;
  /** Performance Insights with the free 7 days of history. Defaults to true. */
  readonly performanceInsights: boolean;
  /** Defaults to `logline`. */
  readonly name: string;
  /** Connections that the server takes: what its memory allows. Not a setting. */
  readonly maxConnections: number;
}

/** `logline:backup`: AWS Backup beside what RDS keeps by itself. */
export interface BackupSettings {
  /** Days that a daily recovery point is kept, 1 to 365. Defaults to 35. */
  readonly days: number;
  /** Region that each recovery point is copied to. Defaults to none. */
  readonly copyRegion: string | undefined;
  /** Days that a copy is kept. Defaults to `days`. */
  readonly copyDays: number;
}

/** `logline:api` */
export interface ApiSettings {
  /** Origins of browsers that may call the API; `*` for all. Defaults to none, which switches CORS off. */
  readonly corsOrigins: readonly string[];
  /** Let browsers send credentials. Not together with `*`. Defaults to false. */
  readonly corsCredentials: boolean;
  /** Requests a second that are served steadily, 1–10,000. Defaults to 50. */
  readonly rateLimit: number;
  /** Requests that may come at once, 1–5,000. Defaults to 100. */
  readonly burstLimit: number;
  /** Serve the explorer at `/explorer/`, and lead browsers there. Defaults to true. */
  readonly explorer: boolean;
  /** Longest that `Prefer: wait` holds an empty feed page, 0–20; each held page keeps an instance busy. Defaults to 0. */
  readonly maxWaitSeconds: number;
}

/** `logline:oidc`: tokens of an OpenID Connect issuer are accepted besides those of the CLI. */
export interface OidcSettings {
  readonly issuer: string;
  readonly audience: string;
  /** Claim with the user. Defaults to `sub`. */
  readonly userClaim: string;
  /** Claim with the tenant. Defaults to `tenant`. */
  readonly tenantClaim: string;
  /** Claim with the scopes, a text with spaces between them or a list. Defaults to `scope`. */
  readonly scopeClaim: string;
  /** By which the explorer asks the issuer for tokens. Without one it offers no sign-in. */
  readonly clientId: string | undefined;
  /** Scopes that the explorer asks for. Defaults to `openid`. */
  readonly scopes: string;
  /** Claim that names the token, by which it can be revoked. Defaults to `jti`. */
  readonly tokenIdClaim: string;
  /** `system` when the issuer's tokens may speak for the operator's tenant. Defaults to none. */
  readonly operatorTenant: string;
  /**
   * Let API Gateway itself refuse every call without a valid token of the issuer. Public spans can then not be
   * read without a token, and tokens of the CLI are not accepted. Defaults to false: Stage-0 checks tokens.
   */
  readonly atGateway: boolean;
}

/** `logline:functions` */
export interface FunctionSettings {
  /** Memory of Stage-0 and of the kernels that run user code, 256–3,008 MB. Defaults to 512. */
  readonly memoryMb: number;
  /** Days that logs are kept; one of the values CloudWatch allows. Defaults to 30. */
  readonly logRetentionDays: number;
  /** Copies of a scheduled kernel that may run at once, 2 (the AWS minimum) to 10. Defaults to 2. */
  readonly tickConcurrency: number;
  /**
   * Copies of Stage-0 that may run at once, so that a rush of calls cannot take every connection of a small database;
   * further calls get 503. Reserved from the account's limit, of which 100 must stay unreserved. Defaults to what the
   * database's connections allow; undefined (setting `none`) leaves it to the account's limit.
   */
  readonly apiConcurrency: number | undefined;
}

/** `logline:monitoring` */
export interface MonitoringSettings {
  /** Where alarms are mailed to. Without it they still change state and show on the dashboard. */
  readonly alarmEmail: string | undefined;
  /** Defaults to true. */
  readonly dashboard: boolean;
  /** Alarms on latency, free memory, CPU credits and late ticks too. Defaults to the stack's `protect`. */
  readonly detailed: boolean;
}

/** `logline:proofs`: logs of the tenants, whose checkpoints anybody can hold the operator to. */
export interface ProofsSettings {
  /** Defaults to true. Without it nothing is sealed, and there are no proofs. */
  readonly enabled: boolean;
  /**
   * Who may delete a kept checkpoint before its days are over: `governance` (default) whoever has the permission to go
   * around the lock, `compliance` nobody, the root user included.
   */
  readonly lockMode: 'governance' | 'compliance';
  /** Days that a kept checkpoint cannot be deleted, 1–36,500. Defaults to 365 with the stack's `protect`, else to 7. */
  readonly lockDays: number;
}

/** Everything that `index.ts` needs to know of a stack, checked as a whole. */
export interface StackSettings {
  readonly project: string;
  readonly stack: string;
  /** `aws:region`. */
  readonly region: string;
  /** `aws`, `aws-cn` or `aws-us-gov`: the second part of every ARN. */
  readonly partition: string;
  /** Refuse to delete what holds data or keys. Defaults to false. */
  readonly protect: boolean;
  /** Put on every resource besides `Project`, `Stack` and `ManagedBy`. */
  readonly tags: Readonly<Record<string, string>>;
  readonly network: NetworkSettings;
  readonly database: DatabaseSettings;
  readonly api: ApiSettings;
  readonly oidc: OidcSettings | undefined;
  readonly functions: FunctionSettings;
  readonly monitoring: MonitoringSettings;
  /** What the names of the logs begin with, such as `ledger.example.com`; never to be changed. Defaults to a name made of the first key. */
  readonly origin: string | undefined;
  readonly proofs: ProofsSettings;
  /** Undefined (default): no AWS Backup. */
  readonly backup: BackupSettings | undefined;
  /** Names of the provider keys that are set (`logline:providerKeys`), such as `acme/openai`; never the keys. */
  readonly providerNames: readonly string[];
  /** What the user should know, though it stops nothing. */
  readonly warnings: readonly string[];
}
