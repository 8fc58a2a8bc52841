import type { SettingsReader } from './settings-reader';

/** `logline:rotation`: after how many days the migrator makes secrets new by itself. RDS does so with the master password. */
export interface RotationSettings {
  /** Passwords of the database's roles, 1–365. Defaults to 30; undefined (setting `none`) leaves them to the operator. */
  readonly passwordsDays: number | undefined;
  /**
   * The key that signs spans, 7–3,650. Undefined (default, or setting `none`) leaves it to the operator: each rotation is a
   * line in the key history, for ever.
   */
  readonly keysDays: number | undefined;
}

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
