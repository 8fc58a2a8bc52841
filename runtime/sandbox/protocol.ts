import type { SandboxLimits } from './limits';

export type { JsonValue } from '../base/span';

/** One line of the code's console output. */
export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  text: string;
}

/** The entry function that the code defines: `main(ctx, input)` of a function, `on(span, ctx)` of a policy. */
export type SandboxEntry = 'main' | 'on';

/** Why a run failed. */
export type SandboxErrorCode =
  | 'syntax'
  | 'no_entry'
  | 'thrown'
  | 'cpu_limit'
  | 'wall_limit'
  | 'memory_limit'
  | 'stack_limit'
  | 'output_limit'
  | 'input_limit'
  | 'call_limit'
  | 'never_resolved'
  | 'bad_result'
  | 'aborted'
  | 'crashed';

/** The error of a failed run, without any frame of the host. */
export interface SandboxError {
  code: SandboxErrorCode;
  /** The thrown error's name, or that of the sandbox's own error, such as `CpuLimitError`. */
  name: string;
  message: string;
  /** 1-based line and column in the user's code, if known. */
  line?: number;
  column?: number;
  /** Stack frames within the user's code, one a line. */
  stack?: string;
  /** The thrown error's own `code`, such as that of a failed `ctx` call. */
  cause_code?: string;
}

/** The data that a worker starts with. */
export interface WorkerSetup {
  wasm: WebAssembly.Module;
  /** Source of guest-prelude.ts. */
  prelude: string;
  /** Largest heap of the WASM instance, in bytes. */
  maxMemoryBytes: number;
  /** Two float64: CPU milliseconds of the run so far; epoch milliseconds at which QuickJS was entered, 0 outside. */
  meter: SharedArrayBuffer;
}

/** Main thread to worker. JSON is sent as text and checked where it is read. */
export type ToWorker =
  | {
      type: 'run';
      run: number;
      code: string;
      entry: SandboxEntry;
      input: string;
      env: string;
      filename: string;
      limits: SandboxLimits;
    }
  | { type: 'settle'; run: number; call: number; ok: boolean; value: string };

/** Worker to main thread. */
export type FromWorker =
  | { type: 'ready' }
  | { type: 'log'; run: number; level: LogLine['level']; text: string }
  | { type: 'call'; run: number; call: number; name: string; args: string }
  | ({ type: 'done'; run: number; cpuMs: number; calls: number } & (
      | { output: string }
      | { error: SandboxError }
    ));
