import { ConfigurationError } from '../runtime/base/errors';
import { parseWitnesses } from '../runtime/proofs/remote-witness';
import type { SettingsReader } from './settings-reader';

/** `logline:proofs`: the tenants' Merkle logs, their bucket and witnesses. */
export interface ProofsSettings {
  /** Seal spans into logs; without it there are no proofs. Defaults to true. */
  readonly enabled: boolean;
  /**
   * Object Lock mode. `governance` (default): roles with the bypass permission may delete a checkpoint early.
   * `compliance`: nobody may, including the root user; needs `protect`.
   */
  readonly lockMode: 'governance' | 'compliance';
  /** Days that Object Lock keeps a checkpoint, 1–36,500. Defaults to 365 with the stack's `protect`, else to 7. */
  readonly lockDays: number;
  /**
   * Witnesses that cosign checkpoints once a minute, as lines `witness <name> <verifier key> <url>`. With egress ipv6 a
   * witness needs an IPv6 address. Defaults to none.
   */
  readonly witnesses: readonly string[];
  /** Tenants whose checkpoints the witnesses see, with the tenants' names and log sizes. Defaults to none. */
  readonly witnessedTenants: readonly string[];
}

/** Reads the group `proofs`; the lock defaults to a longer one with `protect`. */
export function readProofs(root: SettingsReader, protect: boolean): ProofsSettings {
  const reader = root.object('proofs', ['enabled', 'lockMode', 'lockDays', 'witnesses', 'witnessedTenants']);
  const enabled = reader.boolean('enabled', true);
  if (!enabled)
    for (const key of ['lockMode', 'lockDays', 'witnesses', 'witnessedTenants'].filter((name) =>
      reader.has(name),
    ))
      reader.fault(key, 'has no meaning without proofs; set logline:proofs.enabled to true, or remove it');
  const lockMode = reader.oneOf('lockMode', ['governance', 'compliance'], 'governance');
  if (lockMode === 'compliance' && !protect)
    reader.fault(
      'lockMode',
      'compliance lets nobody delete checkpoints before lockDays are over, not even by destroying the stack; set logline:protect to true, or use governance',
    );
  return {
    enabled,
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
