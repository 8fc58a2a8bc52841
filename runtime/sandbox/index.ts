export { SandboxBusyError, SqlRefusedError } from './errors';
export { LaneQueue } from './lane-queue';
export { DEFAULT_LIMITS, type SandboxLimits } from './limits';
export type { JsonValue, LogLine, SandboxEntry, SandboxError, SandboxErrorCode } from './protocol';
export { SandboxPool, type SandboxPoolOptions } from './sandbox-pool';
export type { HostCall, SandboxOutcome, SandboxTask } from './sandbox-run';
export { type CheckedSql, checkSql } from './sql-guard';
