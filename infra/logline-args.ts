import type * as pulumi from '@pulumi/pulumi';
import type { ApiSettings } from './api-settings';
import type { BackupSettings } from './backup-settings';
import type { DatabaseSettings } from './database-settings';
import type { EdgeSettings } from './edge-settings';
import type { FunctionSettings } from './function-settings';
import type { MonitoringSettings } from './monitoring-settings';
import type { ExistingNetwork, NetworkSettings } from './network-settings';
import type { OidcSettings } from './oidc-settings';
import type { ProofsSettings } from './proofs-settings';
import type { RotationSettings } from './rotation-settings';

/** What is set of one group of settings; the rest has its defaults (`infra/*-settings.ts`). */
type Some<T> = { readonly [Key in keyof T]?: Some<T[Key]> | undefined };

/** Settings of a `LogLine`, as `Pulumi.<stack>.yaml` has them; `Pulumi.yaml` documents each with its default. */
export interface LogLineArgs {
  /** Defaults to `aws:region`, then AWS_REGION. */
  readonly region?: string;
  /** Refuses to delete the database, its keys and its secrets. Defaults to false. */
  readonly protect?: boolean;
  /** Tags for every resource besides Project, Stack and ManagedBy. Defaults to none. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly network?: Some<Omit<NetworkSettings, 'existing'> & ExistingNetwork>;
  readonly database?: Some<DatabaseSettings>;
  readonly api?: Some<ApiSettings>;
  /** CloudFront before the API. Defaults to none. */
  readonly edge?: Some<EdgeSettings> & { readonly enabled: boolean };
  /** Tokens of an issuer that are taken beside LogLine's own. Defaults to none. */
  readonly oidc?: Some<OidcSettings>;
  readonly functions?: Some<FunctionSettings>;
  readonly monitoring?: Some<MonitoringSettings>;
  /** What the names of the logs begin with; never to be changed. Defaults to a name made of the first key. */
  readonly origin?: string;
  readonly proofs?: Some<ProofsSettings>;
  /** Daily recovery points by AWS Backup. Defaults to none. */
  readonly backup?: Some<BackupSettings>;
  /** How old passwords and keys may grow; `none` leaves them alone. */
  readonly rotation?: { readonly [Key in keyof RotationSettings]?: RotationSettings[Key] | 'none' };
  /** Days that an Idempotency-Key is remembered. Defaults to 30. */
  readonly idempotencyDays?: number;
  /** `tenant/name`, or a bare name for the system's own → API key. Defaults to none. */
  readonly providerKeys?: Readonly<Record<string, pulumi.Input<string>>>;
}
