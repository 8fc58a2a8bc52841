/** Limits of one run of user code. The host enforces them: the code can neither see nor raise them. */
export interface SandboxLimits {
  /** CPU time spent inside QuickJS, in milliseconds. Waiting for a host call does not count. Defaults to 5,000. */
  cpuMs: number;
  /** Time from the start of the run to its end, waiting included, in milliseconds. Defaults to 5,000. */
  wallMs: number;
  /** Heap of the run, in bytes, 1 MiB to the pool's `maxMemoryBytes`. Defaults to 64 MiB. */
  memoryBytes: number;
  /** Stack of the run, in bytes, 16 KiB to 256 KiB. Defaults to 256 KiB; more aborts the WASM module. */
  stackBytes: number;
  /** The result as UTF-8 JSON, in bytes. Defaults to 1 MiB. */
  outputBytes: number;
  /** Host calls (`ctx.sql`, `ctx.insertSpan`, …) per run. Defaults to 1,000. */
  maxCalls: number;
  /** The argument of one host call as UTF-8 JSON, in bytes. Defaults to 1 MiB + 64 KiB: a span of 1 MiB fits. */
  callBytes: number;
  /** The answer of one host call as UTF-8 JSON, in bytes. Defaults to 8 MiB. */
  answerBytes: number;
  /** Arguments and answers of all host calls together, in bytes; the main thread parses them. Defaults to 32 MiB. */
  trafficBytes: number;
  /** JSON values of the argument of one host call, and of the result; the main thread parses them. Defaults to 100,000. */
  maxValues: number;
  /** Console output kept, in bytes; a line says that the rest was dropped. Defaults to 64 KiB. */
  maxLogBytes: number;
  /** Console lines kept. Defaults to 1,000. */
  maxLogLines: number;
  /** The code as UTF-8, in bytes. Defaults to 1 MiB. */
  maxCodeBytes: number;
  /** The input as UTF-8 JSON, in bytes. Defaults to 5 MiB, more than the API accepts in one request. */
  maxInputBytes: number;
}

const MIB = 1024 * 1024;

/** The default limits of a run. */
export const DEFAULT_LIMITS: Readonly<SandboxLimits> = Object.freeze({
  cpuMs: 5_000,
  wallMs: 5_000,
  memoryBytes: 64 * MIB,
  stackBytes: 256 * 1024,
  outputBytes: MIB,
  maxCalls: 1_000,
  callBytes: MIB + 64 * 1024,
  answerBytes: 8 * MIB,
  trafficBytes: 32 * MIB,
  maxValues: 100_000,
  maxLogBytes: 64 * 1024,
  maxLogLines: 1_000,
  maxCodeBytes: MIB,
  maxInputBytes: 5 * MIB,
});

const MIN_STACK_BYTES = 16 * 1024;
const MAX_STACK_BYTES = 256 * 1024;
const MIN_MEMORY_BYTES = MIB;

/**
 * Fills in the defaults, and clamps memory and stack to what the sandbox supports.
 * @throws RangeError when a limit is not a finite number ≥ 0; NaN would limit nothing
 */
export function resolveLimits(
  partial: Partial<SandboxLimits> | undefined,
  maxMemoryBytes: number,
): SandboxLimits {
  const limits: SandboxLimits = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof SandboxLimits)[]) {
    const value = partial?.[name];
    if (value === undefined) continue;
    if (!Number.isFinite(value) || value < 0) {
      throw new RangeError(`sandbox limit ${name}: expected a finite number ≥ 0, got ${value}`);
    }
    limits[name] = value;
  }
  limits.stackBytes = Math.min(Math.max(limits.stackBytes, MIN_STACK_BYTES), MAX_STACK_BYTES);
  limits.memoryBytes = Math.min(Math.max(limits.memoryBytes, MIN_MEMORY_BYTES), maxMemoryBytes);
  return limits;
}
