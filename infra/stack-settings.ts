import type { ApiSettings } from './api-settings';
import type { BackupSettings } from './backup-settings';
import type { DatabaseSettings } from './database-settings';
import type { EdgeSettings } from './edge-settings';
import type { FunctionSettings } from './function-settings';
import type { MonitoringSettings } from './monitoring-settings';
import type { NetworkSettings } from './network-settings';
import type { OidcSettings } from './oidc-settings';
import type { ProofsSettings } from './proofs-settings';
import type { RotationSettings } from './rotation-settings';

/** The settings of a stack, checked as a whole (`settings.ts`). */
export interface StackSettings {
  /** Pulumi project: `logline`. */
  readonly project: string;
  /** Stack: `dev`. */
  readonly stack: string;
  /** Region, from `aws:region`. */
  readonly region: string;
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  readonly partition: string;
  /** Refuses to delete the database, its keys and its secrets. Defaults to false. */
  readonly protect: boolean;
  /** Tags of every resource besides `Project`, `Stack` and `ManagedBy`. Defaults to none. */
  readonly tags: Readonly<Record<string, string>>;
  /** VPC, zones and egress. */
  readonly network: NetworkSettings;
  /** Engine, class, storage and backups. */
  readonly database: DatabaseSettings;
  /** CORS, throttling and explorer. */
  readonly api: ApiSettings;
  /** Undefined (default): callers reach API Gateway directly. */
  readonly edge: EdgeSettings | undefined;
  /** Undefined (default): only LogLine's own tokens are accepted. */
  readonly oidc: OidcSettings | undefined;
  /** Memory, log retention and concurrency. */
  readonly functions: FunctionSettings;
  /** Alarms and dashboard. */
  readonly monitoring: MonitoringSettings;
  /** Prefix of the logs' names, such as `ledger.example.com`; it must never change. Defaults to a name derived from the first checkpoint key. */
  readonly origin: string | undefined;
  /** Merkle logs, checkpoints and witnesses. */
  readonly proofs: ProofsSettings;
  /** Undefined (default): no AWS Backup. */
  readonly backup: BackupSettings | undefined;
  /** How old passwords and keys may grow. */
  readonly rotation: RotationSettings;
  /** Days that an Idempotency-Key is remembered, 1–3,650. Defaults to 30. */
  readonly idempotencyDays: number;
  /** Names in `logline:providerKeys`, such as `acme/openai`; never the keys. */
  readonly providerNames: readonly string[];
  /** Warnings that do not stop a deployment. */
  readonly warnings: readonly string[];
}
