import { ConfigurationError } from '../runtime/base/errors';
import { parseWitnesses } from '../runtime/proofs/remote-witness';
import type { SettingsReader } from './settings-reader';

/** `logline:proofs`: logs of the tenants, whose checkpoints anybody can hold the operator to. */
export interface ProofsSettings {
  /** Defaults to true. Without it nothing is sealed, and there are no proofs. */
  readonly enabled: boolean;
  /**
   * Who may delete a kept checkpoint before its days are over: `governance` (default) roles with the permission to
   * bypass the lock, `compliance` nobody, the root user included.
   */
  readonly lockMode: 'governance' | 'compliance';
  /** Days that a kept checkpoint cannot be deleted, 1–36,500. Defaults to 365 with the stack's `protect`, else to 7. */
  readonly lockDays: number;
  /**
   * Who is asked once a minute to cosign checkpoints: lines `witness <name> <verifier key> <url>`. Defaults to nobody. With
   * egress ipv6 a witness needs an IPv6 address.
   */
  readonly witnesses: readonly string[];
  /** Tenants whose checkpoints they are asked to cosign: a witness learns their names and sizes. Defaults to none. */
  readonly witnessedTenants: readonly string[];
}

export function readProofs(root: SettingsReader, protect: boolean): ProofsSettings {
  const reader = root.object('proofs', ['enabled', 'lockMode', 'lockDays', 'witnesses', 'witnessedTenants']);
  const lockMode = reader.oneOf('lockMode', ['governance', 'compliance'], 'governance');
  if (lockMode === 'compliance' && !protect)
    reader.fault(
      'lockMode',
      'compliance keeps anybody from deleting checkpoints, also with the stack, until their days are over; set logline:protect to true, or take governance',
    );
  return {
    enabled: reader.boolean('enabled', true),
    lockMode,
    lockDays: reader.integer('lockDays', { min: 1, max: 36_500, fallback: protect ? 365 : 7 }),
    witnesses: readWitnesses(reader),
    witnessedTenants: reader.texts('witnessedTenants', /^[^,]+$/, 'the name of a tenant, without commas', []),
  };
}

function readWitnesses(reader: SettingsReader): readonly string[] {
  const lines = reader.texts('witnesses', /^\S.*$/, 'a line of https://c2sp.org/tlog-policy', []);
  for (const line of lines) {
    try {
      parseWitnesses(line);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      reader.fault('witnesses', error.message);
    }
  }
  return lines;
}
