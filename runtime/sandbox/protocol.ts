import type { SandboxLimits } from './limits';

export type { JsonValue } from '../base/span';

/** One line of the code's console output. */
export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  text: string;
}

/** Which function the code defines: `main(ctx, input)` of a function, `on(span, ctx)` of a policy. */
export type SandboxEntry = 'main' | 'on';

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

/** Why a run failed, in the words of the user's code: no frame of the host is in it. */
export interface SandboxError {
  code: SandboxErrorCode;
  /** The thrown error's own name, or the name of ours, such as `CpuLimitError`. */
  name: string;
  message: string;
  /** 1-based line and column in the user's code, when the error knows where it was made. */
  line?: number;
  column?: number;
  /** The frames that lie in the user's code, one a line. */
  stack?: string;
  /** The thrown error's own `code`, such as the one a failed `ctx` call carries. */
  cause_code?: string;
}

/** What the main thread hands to a worker as it starts. */
export interface WorkerSetup {
  wasm: WebAssembly.Module;
  /** Source of guest-prelude.ts. */
  prelude: string;
  /** How far the heap of the WASM instance may grow, in bytes. */
  maxMemoryBytes: number;
  /** Two float64: CPU milliseconds of the run so far; epoch milliseconds at which QuickJS was entered, 0 outside. */
  meter: SharedArrayBuffer;
}

/** Main thread to worker. All JSON travels as text: it is checked where it is read. */
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
