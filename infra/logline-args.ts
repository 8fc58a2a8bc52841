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

/** A group of settings in part; missing members get their defaults (`infra/*-settings.ts`). */
type Some<T> = { readonly [Key in keyof T]?: Some<T[Key]> | undefined };

/** Settings of a `LogLine`, as `Pulumi.<stack>.yaml` has them; `Pulumi.yaml` documents each with its default. */
export interface LogLineArgs {
  /** Defaults to `aws:region`, then AWS_REGION. */
  readonly region?: string;
  /** Refuses to delete the database, its keys and its secrets. Defaults to false. */
  readonly protect?: boolean;
  /** Tags for every resource besides Project, Stack and ManagedBy. Defaults to none. */
  readonly tags?: Readonly<Record<string, string>>;
  /** VPC, zones and egress. Defaults to a VPC of its own with two zones and IPv6 egress. */
  readonly network?: Some<Omit<NetworkSettings, 'existing'> & ExistingNetwork>;
  /** Engine, class, storage and backups. Defaults to `db.t4g.micro` on RDS with 20 GiB. */
  readonly database?: Some<DatabaseSettings>;
  /** CORS, throttling and explorer. Defaults to 50 requests a second and no CORS. */
  readonly api?: Some<ApiSettings>;
  /** CloudFront in front of the API. Defaults to none. */
  readonly edge?: Some<EdgeSettings> & { readonly enabled: boolean };
  /** OpenID Connect issuer whose tokens are accepted besides LogLine's own. Defaults to none. */
  readonly oidc?: Some<OidcSettings>;
  /** Memory, log retention and concurrency. Defaults to 512 MB and 30 days. */
  readonly functions?: Some<FunctionSettings>;
  /** Alarms and dashboard. Defaults to a dashboard and alarms without e-mail. */
  readonly monitoring?: Some<MonitoringSettings>;
  /** Prefix of the logs' names; it must never change. Defaults to a name derived from the first checkpoint key. */
  readonly origin?: string;
  /** Merkle logs, checkpoints and witnesses. Defaults to logs without witnesses. */
  readonly proofs?: Some<ProofsSettings>;
  /** Daily recovery points by AWS Backup. Defaults to none. */
  readonly backup?: Some<BackupSettings>;
  /** Maximum age of passwords and keys; `none` switches rotation off. Defaults to 30 days for passwords, none for keys. */
  readonly rotation?: { readonly [Key in keyof RotationSettings]?: RotationSettings[Key] | 'none' };
  /** Days that an Idempotency-Key is remembered, 1–3,650. Defaults to 30. */
  readonly idempotencyDays?: number;
  /** API keys by `tenant/name`, or by `name` for the operator's tenants. Defaults to none. */
  readonly providerKeys?: Readonly<Record<string, pulumi.Input<string>>>;
}
