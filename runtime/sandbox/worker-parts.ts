import type { QuickJSContext, QuickJSHandle, QuickJSRuntime } from 'quickjs-emscripten-core';
import type { SandboxError, WorkerSetup } from './protocol';

/**
 * The parts of the worker, as types. The parts are `.cts` files (see worker.cts for why), which can carry
 * `module.exports` but no typed `export`; each is declared here and checked against it on both sides.
 */

/** A function of the host that the guest prelude is given. Returning nothing means `undefined`. */
export type HostFunction = (...args: QuickJSHandle[]) => QuickJSHandle | undefined;
export type HostFunctionName = 'call' | 'log' | 'done' | 'fail' | 'crypto' | 'uuid';

/** What the prelude hands back (guest-prelude.ts). */
export interface GuestFunctions {
  start: QuickJSHandle;
  settle: QuickJSHandle;
  describe: QuickJSHandle;
}

/** One WASM instance with one QuickJS context whose memory can be put back to what it was when it was made. */
export interface GuestInstance {
  vm: QuickJSContext;
  runtime: QuickJSRuntime;
  guest: GuestFunctions;
  /** The linear memory, all that a run can leave a trace in. */
  memory: WebAssembly.Memory;
  /** How much heap the run has been given so far, in bytes. */
  heapBytes(): number;
  /** Puts the memory back. False when that is not possible and the instance has to be given up. */
  restore(): boolean;
}

export interface InstanceOptions {
  setup: WorkerSetup;
  hostFunctions: (vm: QuickJSContext) => Record<HostFunctionName, HostFunction>;
  shouldInterrupt: () => boolean;
}

export type MakeInstance = (options: InstanceOptions) => Promise<GuestInstance>;

/** `ctx.crypto`: pure functions of the bytes handed in. Throws TypeError for lengths that do not fit. */
export type GuestCrypto = (op: string, args: Uint8Array[]) => Uint8Array | boolean;

/** Says why JSON text from the guest may not pass, or null when it may. */
export type JsonFault = (text: string) => string | null;

/** Turns what the prelude's `describe` said into an error that speaks of the user's code only. */
export type ErrorOf = (
  code: 'syntax' | 'thrown' | 'bad_result',
  description: string | null,
  filename: string,
) => SandboxError;
