import type { SettingsReader } from './settings-reader';

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

export function readProofs(root: SettingsReader, protect: boolean): ProofsSettings {
  const reader = root.object('proofs', ['enabled', 'lockMode', 'lockDays']);
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
  };
}
