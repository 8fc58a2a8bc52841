/** Change of a resource. */
export type Change = 'create' | 'update' | 'replace' | 'delete';

/** Result of an operation on a stack. */
export interface Outcome {
  readonly succeeded: boolean;
  /** `type name` → change, for custom resources; unchanged ones are not listed. */
  readonly changes: Readonly<Record<string, Change>>;
  /** Outputs; secrets unwrapped. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Names of secret outputs. */
  readonly secretOutputs: readonly string[];
  /** All output. */
  readonly log: string;
}

/** A stack that can be deployed by Pulumi's own engine or by the one in this folder. */
export interface Deployment {
  preview(): Promise<Outcome>;
  up(): Promise<Outcome>;
  destroy(): Promise<Outcome>;
  /** Replaces one configuration value, given as in `Pulumi.<stack>.yaml`. */
  configure(key: string, value: unknown): Promise<void>;
  /** Makes the next migrations fail with this text; undefined lets them pass again. */
  failMigrations(message: string | undefined): void;
  /** Lifts the protection of every resource in the state. */
  unprotect(): Promise<void>;
  close(): Promise<void>;
}
