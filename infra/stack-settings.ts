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

/** Everything that `index.ts` needs to know of a stack, checked as a whole (`settings.ts`). */
export interface StackSettings {
  readonly project: string;
  readonly stack: string;
  /** `aws:region`. */
  readonly region: string;
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  readonly partition: string;
  /** Refuse to delete what holds data or keys. Defaults to false. */
  readonly protect: boolean;
  /** Put on every resource besides `Project`, `Stack` and `ManagedBy`. */
  readonly tags: Readonly<Record<string, string>>;
  readonly network: NetworkSettings;
  readonly database: DatabaseSettings;
  readonly api: ApiSettings;
  /** Undefined (default): callers reach API Gateway directly. */
  readonly edge: EdgeSettings | undefined;
  readonly oidc: OidcSettings | undefined;
  readonly functions: FunctionSettings;
  readonly monitoring: MonitoringSettings;
  /** What the names of the logs begin with, such as `ledger.example.com`; never to be changed. Defaults to a name made of the first key. */
  readonly origin: string | undefined;
  readonly proofs: ProofsSettings;
  /** Undefined (default): no AWS Backup. */
  readonly backup: BackupSettings | undefined;
  readonly rotation: RotationSettings;
  /** Days that an Idempotency-Key is remembered, 1–3,650. Defaults to 30. */
  readonly idempotencyDays: number;
  /** Names of the provider keys that are set (`logline:providerKeys`), such as `acme/openai`; never the keys. */
  readonly providerNames: readonly string[];
  /** What the user should know, though it stops nothing. */
  readonly warnings: readonly string[];
}
