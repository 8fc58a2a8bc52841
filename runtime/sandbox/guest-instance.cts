import type { QuickJSContext, QuickJSHandle } from 'quickjs-emscripten-core';
import type { GuestFunctions, GuestInstance, MakeInstance } from './worker-parts';

const { Buffer }: typeof import('node:buffer') = require('node:buffer');
const {
  QuickJSFFI,
}: typeof import('@jitl/quickjs-ng-wasmfile-release-sync/ffi') = require('@jitl/quickjs-ng-wasmfile-release-sync/ffi');
const quickJsLoader: typeof import('@jitl/quickjs-ng-wasmfile-release-sync/emscripten-module').default = require('@jitl/quickjs-ng-wasmfile-release-sync/emscripten-module');
const {
  newQuickJSWASMModuleFromVariant,
  newVariant,
}: typeof import('quickjs-emscripten-core') = require('quickjs-emscripten-core');

type EmscriptenModule = Awaited<ReturnType<typeof quickJsLoader>>;

const KIB = 1024;
const PAGE_BYTES = 64 * KIB;
/** Declared by the module: 16 MiB, of which 5 MiB are C stack. */
const INITIAL_PAGES = 256;
/** Room for the stack, the ballast and fragmentation in addition to the heap that a run may use. */
const OVERHEAD_BYTES = 32 * KIB * KIB;
/** Heap above the ballast: a run that needs more grows the memory, which costs a new instance afterwards. */
const RUN_HEAP_BYTES = 2 * KIB * KIB;
/** The part of the C stack that a run may write to; QuickJS stops at 256 KiB. */
const STACK_WINDOW_BYTES = KIB * KIB;
/** The module's zero-initialised globals may extend this far past its last non-zero byte. */
const DATA_SLACK_BYTES = 256 * KIB;
/** Granularity of the snapshot. */
const BLOCK_BYTES = 4 * KIB;
const ZEROS = Buffer.alloc(PAGE_BYTES);

interface Range {
  from: number;
  to: number;
}

interface Snapshot {
  /** Everything a run may write to. */
  writable: Range[];
  /** The non-zero blocks of the writable ranges. */
  blocks: { at: number; bytes: Uint8Array }[];
  /** Stack below the window: a run that wrote here wrote outside the snapshot. */
  canary: Range;
  byteLength: number;
}

const isZero = (bytes: Uint8Array): boolean => Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;

function takeSnapshot(bytes: Uint8Array, stackTop: number, ballast: Range): Snapshot {
  const stackFrom = stackTop - STACK_WINDOW_BYTES;
  let dataTo = 0;
  for (let at = 0; at < stackFrom; at += BLOCK_BYTES) {
    if (!isZero(bytes.subarray(at, at + BLOCK_BYTES))) dataTo = at + BLOCK_BYTES;
  }
  const writable = [
    { from: 0, to: dataTo + DATA_SLACK_BYTES },
    { from: stackFrom, to: ballast.from },
    { from: ballast.to, to: bytes.length },
  ];
  const blocks: Snapshot['blocks'] = [];
  for (const range of writable) {
    for (let at = range.from; at < range.to; at += BLOCK_BYTES) {
      const block = bytes.subarray(at, Math.min(at + BLOCK_BYTES, range.to));
      if (!isZero(block)) blocks.push({ at, bytes: block.slice() });
    }
  }
  const canary = { from: stackFrom - PAGE_BYTES, to: stackFrom };
  return { writable, blocks, canary, byteLength: bytes.length };
}

function restoreSnapshot(bytes: Uint8Array, snapshot: Snapshot): boolean {
  if (bytes.length !== snapshot.byteLength) return false;
  if (!isZero(bytes.subarray(snapshot.canary.from, snapshot.canary.to))) return false;
  for (const range of snapshot.writable) bytes.fill(0, range.from, range.to);
  for (const block of snapshot.blocks) bytes.set(block.bytes, block.at);
  return true;
}

/** Allocates all but the end of the initial heap, so that restoring the memory touches 3 MiB and not 16. */
function loadBallast(module: EmscriptenModule, byteLength: number): Range {
  const probe = module._malloc(BLOCK_BYTES);
  module._free(probe);
  const size = byteLength - probe - RUN_HEAP_BYTES;
  const from = module._malloc(size);
  if (from === 0) throw new Error('the WASM memory has no room for the ballast');
  // The allocator's bookkeeping is right before and after a block: leave those pages to the snapshot.
  return { from: from + PAGE_BYTES, to: from + size - PAGE_BYTES };
}

function installPrelude(vm: QuickJSContext, source: string, host: QuickJSHandle): GuestFunctions {
  const prelude = vm.unwrapResult(vm.evalCode(source, '<ctx>', { type: 'global' }));
  const api = vm.unwrapResult(vm.callFunction(prelude, vm.undefined, host));
  const part = (name: string) => vm.getProp(api, name);
  return { start: part('start'), settle: part('settle'), describe: part('describe') };
}

/** Makes the worker's QuickJS instance. Its handles stay valid across runs, because the memory is restored identically. */
const makeInstance: MakeInstance = async ({ setup, hostFunctions, shouldInterrupt }) => {
  const maximum = INITIAL_PAGES + Math.ceil((setup.maxMemoryBytes + OVERHEAD_BYTES) / PAGE_BYTES);
  const wasmMemory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum });
  let module: EmscriptenModule | undefined;
  const variant = newVariant(
    {
      type: 'sync',
      importFFI: async () => QuickJSFFI,
      importModuleLoader: async () => async (options) => {
        module = await quickJsLoader(options);
        return module;
      },
    },
    { wasmModule: setup.wasm, wasmMemory },
  );
  const quickJs = await newQuickJSWASMModuleFromVariant(variant);
  if (module === undefined) throw new Error('the QuickJS module did not load');
  const stackTop = module._malloc(1) & ~(PAGE_BYTES - 1);
  const runtime = quickJs.newRuntime();
  const vm = runtime.newContext();
  const host = vm.newObject();
  for (const [name, fn] of Object.entries(hostFunctions(vm))) {
    vm.newFunction(name, fn).consume((handle) => vm.setProp(host, name, handle));
  }
  const guest = installPrelude(vm, setup.prelude, host);
  runtime.setInterruptHandler(shouldInterrupt);
  const ballast = loadBallast(module, wasmMemory.buffer.byteLength);
  const snapshot = takeSnapshot(new Uint8Array(wasmMemory.buffer), stackTop, ballast);
  const instance: GuestInstance = {
    vm,
    runtime,
    guest,
    memory: wasmMemory,
    heapBytes: () => wasmMemory.buffer.byteLength - snapshot.byteLength + RUN_HEAP_BYTES,
    restore: () => restoreSnapshot(new Uint8Array(wasmMemory.buffer), snapshot),
  };
  return instance;
};

/** Sets this thread's local time to UTC: the C library inside the sandbox takes it from the thread's Date. */
function useUtc(): void {
  const proto = Date.prototype;
  proto.getTimezoneOffset = () => 0;
  proto.getFullYear = proto.getUTCFullYear;
  proto.getMonth = proto.getUTCMonth;
  proto.getDate = proto.getUTCDate;
  proto.getDay = proto.getUTCDay;
  proto.getHours = proto.getUTCHours;
  proto.getMinutes = proto.getUTCMinutes;
  proto.getSeconds = proto.getUTCSeconds;
}

module.exports = { makeInstance, useUtc };
