import type { QuickJSContext, QuickJSHandle, QuickJSRuntime } from 'quickjs-emscripten-core';
import type { SandboxError, WorkerSetup } from './protocol';

/**
 * The parts of the worker, as types. The parts are `.cts` files (see worker.cts for why), which can carry
 * `module.exports` but no typed `export`; each is declared here and checked against it on both sides.
 */

/** A host function for the guest prelude. Returning nothing means `undefined`. */
export type HostFunction = (...args: QuickJSHandle[]) => QuickJSHandle | undefined;
/** Names of the host functions. */
export type HostFunctionName = 'call' | 'log' | 'done' | 'fail' | 'crypto' | 'uuid';

/** Functions that the prelude returns (guest-prelude.ts). */
export interface GuestFunctions {
  start: QuickJSHandle;
  settle: QuickJSHandle;
  describe: QuickJSHandle;
}

/** A WASM instance with a QuickJS context whose memory can be restored to its initial state. */
export interface GuestInstance {
  vm: QuickJSContext;
  runtime: QuickJSRuntime;
  guest: GuestFunctions;
  /** The linear memory: all state of a run is in it. */
  memory: WebAssembly.Memory;
  /** Heap available to the run so far, in bytes; it grows on demand. */
  heapBytes(): number;
  /** Restores the memory. @returns false when that is not possible and the instance must be discarded */
  restore(): boolean;
}

/** Options of {@link MakeInstance}. */
export interface InstanceOptions {
  setup: WorkerSetup;
  hostFunctions: (vm: QuickJSContext) => Record<HostFunctionName, HostFunction>;
  shouldInterrupt: () => boolean;
}

/** Makes a QuickJS instance. */
export type MakeInstance = (options: InstanceOptions) => Promise<GuestInstance>;

/** `ctx.crypto`: pure functions of bytes. @throws TypeError for arguments of a wrong length */
export type GuestCrypto = (op: string, args: Uint8Array[]) => Uint8Array | boolean;

/** Why JSON text of the guest is refused; null when it is accepted. */
export type JsonFault = (text: string, maxValues: number) => string | null;

/** Turns the prelude's `describe` of an error into a {@link SandboxError}, without host frames. */
export type ErrorOf = (
  code: 'syntax' | 'thrown' | 'bad_result',
  description: string | null,
  filename: string,
) => SandboxError;
