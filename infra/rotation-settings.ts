import type { SettingsReader } from './settings-reader';

/** `logline:rotation`: age in days at which the migrator rotates secrets. RDS rotates the master password by itself. */
export interface RotationSettings {
  /** Passwords of the database roles, 1–365 days. Defaults to 30; `none` (undefined here) leaves them to the operator. */
  readonly passwordsDays: number | undefined;
  /**
   * The key that signs spans, 7–3,650 days. Defaults to none (undefined here): each rotation adds a permanent entry to
   * the key history, so the operator decides.
   */
  readonly keysDays: number | undefined;
}

/** Reads the group `rotation`; faults go to the reader. */
export function readRotation(root: SettingsReader): RotationSettings {
  const reader = root.object('rotation', ['passwordsDays', 'keysDays']);
  return {
    passwordsDays: reader.is('passwordsDays', 'none')
      ? undefined
      : reader.integer('passwordsDays', { min: 1, max: 365, fallback: 30 }),
    keysDays:
      reader.is('keysDays', 'none') || !reader.has('keysDays')
        ? undefined
        : reader.integer('keysDays', { min: 7, max: 3_650, fallback: 365 }),
  };
}
