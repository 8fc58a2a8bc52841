/**
 * The worker thread that runs user code in QuickJS compiled to WebAssembly.
 *
 * A context is made once: instance, runtime, intrinsics and the guest prelude. A snapshot of its linear memory is
 * restored after every run, so a run starts in 0.1 ms with nothing of the previous run in memory. Disposing of QuickJS
 * contexts instead is not an option: `JS_FreeRuntime` aborts the module after ordinary allocation inside a promise job
 * (quickjs-emscripten issues 235, 257 and 269), and freed memory would still contain the last tenant's data.
 *
 * This file and its parts run by Node's type stripping in development, and bundled by esbuild in the artifact. They are
 * CommonJS, since an ES module would pull in builds of QuickJS that need `import.meta.url`, which a CommonJS bundle does
 * not have.
 */
import type { QuickJSContext, QuickJSHandle } from 'quickjs-emscripten-core';
import type { FromWorker, SandboxError, ToWorker, WorkerSetup } from './protocol';
import type {
  ErrorOf,
  GuestCrypto,
  GuestInstance,
  HostFunction,
  HostFunctionName,
  JsonFault,
  MakeInstance,
} from './worker-parts';

const { Buffer }: typeof import('node:buffer') = require('node:buffer');
const { randomInt, randomUUID }: typeof import('node:crypto') = require('node:crypto');
const { parentPort, workerData }: typeof import('node:worker_threads') = require('node:worker_threads');
const { guestCrypto }: { guestCrypto: GuestCrypto } = require('./guest-crypto.cts');
const {
  makeInstance,
  useUtc,
}: { makeInstance: MakeInstance; useUtc: () => void } = require('./guest-instance.cts');
const { errorOf, jsonFault }: { errorOf: ErrorOf; jsonFault: JsonFault } = require('./guest-json.cts');

type RunMessage = Extract<ToWorker, { type: 'run' }>;

/** Promise jobs between two checks whether the run has to end. */
const JOBS_PER_SLICE = 256;
const MAX_DESCRIPTION_BYTES = 64 * 1024;

const setup: WorkerSetup = workerData;
/** [0] CPU milliseconds of the run so far, [1] epoch milliseconds at which QuickJS was entered, 0 outside. */
const meter = new Float64Array(setup.meter);
const port = parentPort;
if (port === null) throw new Error('worker.cts is a worker thread: start it through SandboxPool');
const send = (message: FromWorker) => port.postMessage(message);

/** State of the current run. */
interface Run {
  task: RunMessage;
  cpuMs: number;
  calls: number;
  inFlight: number;
  trafficBytes: number;
  logBytes: number;
  logLines: number;
  /** Set when a limit ends the run; no user code runs after that. */
  stop: SandboxError | null;
  outcome: { output: string } | { error: SandboxError } | null;
}

let run: Run | null = null;
let instance: Promise<GuestInstance> | undefined;
let cpuAtEntryMs = 0;
let deadlineMs = 0;

const threadCpuMs = (): number => {
  const usage = process.threadCpuUsage();
  return (usage.user + usage.system) / 1000;
};

/** Runs `body`, which enters QuickJS, and measures its CPU time against the limit. */
function inGuest<T>(current: Run, body: () => T): T {
  cpuAtEntryMs = threadCpuMs();
  deadlineMs = performance.now() + current.task.limits.cpuMs - current.cpuMs;
  meter[1] = performance.timeOrigin + performance.now();
  try {
    return body();
  } finally {
    current.cpuMs += threadCpuMs() - cpuAtEntryMs;
    meter[0] = current.cpuMs;
    meter[1] = 0;
  }
}

function stop(code: SandboxError['code'], name: string, message: string): undefined {
  if (run !== null) run.stop ??= { code, name, message };
}

/** Called by QuickJS every few thousand instructions. Reads the costly CPU time only once the cheap clock has run out. */
function shouldInterrupt(): boolean {
  if (run === null || run.stop !== null) return true;
  const now = performance.now();
  if (now < deadlineMs) return false;
  const { cpuMs } = run.task.limits;
  const leftMs = cpuMs - run.cpuMs - (threadCpuMs() - cpuAtEntryMs);
  if (leftMs > 0) {
    deadlineMs = now + Math.max(leftMs, 1);
    return false;
  }
  stop('cpu_limit', 'CpuLimitError', `the code used up its ${cpuMs} ms of CPU time`);
  return true;
}

/** A guest string; null when it is no string or longer than `maxBytes`, which is checked before copying it. */
function guestText(vm: QuickJSContext, handle: QuickJSHandle | undefined, maxBytes: number): string | null {
  if (handle === undefined || vm.typeof(handle) !== 'string') return null;
  if (vm.getProp(handle, 'length').consume((length) => vm.getNumber(length)) > maxBytes) return null;
  const text = vm.getString(handle);
  return Buffer.byteLength(text) > maxBytes ? null : text;
}

/** Counts bytes of ctx calls. @returns false, and ends the run, when it exceeds its limit */
function addTraffic(current: Run, text: string): boolean {
  const { trafficBytes } = current.task.limits;
  current.trafficBytes += Buffer.byteLength(text);
  if (current.trafficBytes <= trafficBytes) return true;
  stop('call_limit', 'CallLimitError', `the ctx calls moved more than ${trafficBytes} bytes of JSON`);
  return false;
}

function postCall(
  vm: QuickJSContext,
  current: Run,
  id: QuickJSHandle,
  name: string,
  args: QuickJSHandle | undefined,
) {
  const { maxCalls, callBytes, maxValues } = current.task.limits;
  if (current.stop !== null) return undefined;
  if (++current.calls > maxCalls) {
    return stop('call_limit', 'CallLimitError', `the code made more than ${maxCalls} ctx calls`);
  }
  const text = guestText(vm, args, callBytes);
  if (text === null)
    throw new TypeError(`ctx.${name}: the argument is larger than ${callBytes} bytes of JSON`);
  const fault = jsonFault(text, maxValues);
  if (fault !== null) throw new TypeError(`ctx.${name}: the argument is refused: ${fault}`);
  if (!addTraffic(current, text)) return undefined;
  current.inFlight++;
  send({ type: 'call', run: current.task.run, call: vm.getNumber(id), name, args: text });
  return undefined;
}

function postLog(vm: QuickJSContext, current: Run, level: string | null, text: QuickJSHandle | undefined) {
  const { maxLogBytes, maxLogLines } = current.task.limits;
  const line = guestText(vm, text, maxLogBytes - current.logBytes);
  current.logBytes += Buffer.byteLength(line ?? '');
  const full = line === null || ++current.logLines > maxLogLines;
  send({
    type: 'log',
    run: current.task.run,
    level: level === 'debug' || level === 'warn' || level === 'error' ? level : 'info',
    text: full ? `(console output beyond ${maxLogBytes} bytes or ${maxLogLines} lines is dropped)` : line,
  });
  return full ? vm.false : vm.true;
}

/** The host functions for the prelude. User code never gets hold of them, yet their arguments are treated as hostile. */
function hostFunctions(vm: QuickJSContext): Record<HostFunctionName, HostFunction> {
  const isOver = (current: Run | null): current is null =>
    current === null || (current.outcome ?? current.stop) !== null;
  return {
    call: (id, name, args) =>
      run === null || id === undefined
        ? undefined
        : postCall(vm, run, id, guestText(vm, name, 100) ?? '', args),
    log: (level, text) => (run === null ? vm.false : postLog(vm, run, guestText(vm, level, 10), text)),
    done(json) {
      if (run === null || isOver(run)) return undefined;
      const { outputBytes, maxValues } = run.task.limits;
      const output = guestText(vm, json, outputBytes);
      if (output === null) {
        return stop(
          'output_limit',
          'OutputLimitError',
          `the result is larger than ${outputBytes} bytes of JSON`,
        );
      }
      const fault = jsonFault(output, maxValues);
      const message = `the result is refused: ${fault}`;
      run.outcome =
        fault === null ? { output } : { error: { code: 'bad_result', name: 'TypeError', message } };
      return undefined;
    },
    fail(kind, description) {
      if (run === null || isOver(run)) return undefined;
      const code = guestText(vm, kind, 20) === 'bad_result' ? 'bad_result' : 'thrown';
      run.outcome = {
        error: errorOf(code, guestText(vm, description, MAX_DESCRIPTION_BYTES), run.task.filename),
      };
      return undefined;
    },
    // QuickJS passes as many arguments as the function declares, so a rest parameter would stay empty.
    crypto(op, first, second, third) {
      const args = [first, second, third].flatMap((handle) =>
        handle === undefined || vm.typeof(handle) === 'undefined'
          ? []
          : [vm.getArrayBuffer(handle).consume((bytes) => Uint8Array.from(bytes.value))],
      );
      const result = guestCrypto(guestText(vm, op, 20) ?? '', args);
      if (typeof result === 'boolean') return result ? vm.true : vm.false;
      return vm.newArrayBuffer(Uint8Array.from(result).buffer);
    },
    uuid: () => vm.newString(randomUUID()),
  };
}

/** Ends the run with an error that QuickJS returned to the host instead of the prelude. */
function failWith(
  { vm, guest }: GuestInstance,
  current: Run,
  error: QuickJSHandle,
  phase: 'eval' | 'call',
): void {
  if (current.stop !== null) return;
  const described = vm.callFunction(guest.describe, vm.undefined, error);
  const text = described.error ? null : guestText(vm, described.value, MAX_DESCRIPTION_BYTES);
  const said = errorOf('thrown', text, current.task.filename);
  // A compile error has a line but no frame of a running function.
  const isCompileError = said.name === 'SyntaxError' && !(said.stack ?? '').includes('(');
  current.outcome ??= { error: phase === 'eval' && isCompileError ? { ...said, code: 'syntax' } : said };
}

/** Runs the code and finds its entry function: a global, a top-level const or let, or an export. */
function loadEntry(instance: GuestInstance, current: Run): QuickJSHandle | null {
  const { vm } = instance;
  const { code, entry, filename } = current.task;
  const isModule = /^[ \t]*export\b/m.test(code);
  const loaded = vm.evalCode(code, filename, { type: isModule ? 'module' : 'global' });
  if (loaded.error) {
    failWith(instance, current, loaded.error, 'eval');
    return null;
  }
  let found: QuickJSHandle;
  if (isModule) {
    const named = vm.getProp(loaded.value, entry);
    found = vm.typeof(named) === 'function' ? named : vm.getProp(loaded.value, 'default');
  } else {
    const result = vm.evalCode(`typeof ${entry} === 'function' ? ${entry} : undefined`, '<entry>', {
      type: 'global',
    });
    if (result.error) {
      failWith(instance, current, result.error, 'call');
      return null;
    }
    found = result.value;
  }
  if (vm.typeof(found) === 'function') return found;
  const shape = entry === 'main' ? 'main(ctx, input)' : 'on(span, ctx)';
  current.outcome ??= {
    error: { code: 'no_entry', name: 'TypeError', message: `the code defines no function ${shape}` },
  };
  return null;
}

function start(instance: GuestInstance, current: Run): void {
  const { vm, runtime, guest } = instance;
  const { task } = current;
  runtime.setMemoryLimit(task.limits.memoryBytes);
  runtime.setMaxStackSize(task.limits.stackBytes);
  const entry = loadEntry(instance, current);
  if (entry === null || current.stop !== null) return;
  const seeds = [0, 1, 2].map(() => vm.newNumber(randomInt(2 ** 32)));
  const texts = [task.entry, task.input, task.env].map((text) => vm.newString(text));
  const started = vm.callFunction(guest.start, vm.undefined, entry, ...texts, ...seeds);
  if (started.error) failWith(instance, current, started.error, 'call');
}

/** Runs promise jobs until none is left or the run ends; endless jobs end at the CPU limit. */
function drain(instance: GuestInstance, current: Run): void {
  while (current.outcome === null && current.stop === null && instance.runtime.hasPendingJob()) {
    const jobs = instance.runtime.executePendingJobs(JOBS_PER_SLICE);
    if (jobs.error) failWith(instance, current, jobs.error, 'call');
    shouldInterrupt();
  }
}

/** The outcome of the run; null while it waits for calls. */
function conclusionOf(current: Run, heapBytes: number): { output: string } | { error: SandboxError } | null {
  if (current.stop !== null) return { error: current.stop };
  if (current.outcome !== null) {
    // Without memory for an error object, QuickJS throws null.
    const isNull = 'error' in current.outcome && current.outcome.error.message === 'null';
    if (!isNull || heapBytes < current.task.limits.memoryBytes / 2) return current.outcome;
    return { error: { code: 'memory_limit', name: 'InternalError', message: 'out of memory' } };
  }
  if (current.inFlight > 0) return null;
  const message = 'the promise that the code returned can never resolve: nothing is left to wait for';
  return { error: { code: 'never_resolved', name: 'NeverResolvedError', message } };
}

/** Enters QuickJS once, runs its promise jobs, and reports the outcome if the run has ended. */
function step(instance: GuestInstance, current: Run, body: () => void): void {
  try {
    inGuest(current, () => {
      body();
      drain(instance, current);
    });
  } catch (error) {
    // The WASM module trapped, so its memory cannot be trusted; the pool replaces this worker.
    if (error instanceof RangeError) stop('stack_limit', 'RangeError', 'the code is nested too deeply');
    else stop('crashed', 'SandboxCrash', 'the sandbox came down under the code');
  }
  const conclusion = conclusionOf(current, instance.heapBytes());
  if (conclusion === null) return;
  const { run: id } = current.task;
  run = null;
  send({ type: 'done', run: id, ...conclusion, cpuMs: current.cpuMs, calls: current.calls });
  meter[0] = 0;
}

const newInstance = () => makeInstance({ setup, hostFunctions, shouldInterrupt });

port.on('message', async (message: ToWorker) => {
  instance ??= newInstance();
  const current = await instance;
  if (message.type === 'run') {
    run = {
      task: message,
      cpuMs: 0,
      calls: 0,
      inFlight: 0,
      trafficBytes: 0,
      logBytes: 0,
      logLines: 0,
      stop: null,
      outcome: null,
    };
    const begun = run;
    step(current, begun, () => start(current, begun));
  } else if (run !== null && message.run === run.task.run) {
    const ongoing = run;
    ongoing.inFlight--;
    step(current, ongoing, () => {
      const { vm } = current;
      if (!addTraffic(ongoing, message.value)) return;
      const args = [vm.newNumber(message.call), message.ok ? vm.true : vm.false, vm.newString(message.value)];
      const settled = vm.callFunction(current.guest.settle, vm.undefined, ...args);
      for (const handle of args) handle.dispose();
      if (settled.error) failWith(current, ongoing, settled.error, 'call');
    });
  }
  if (run === null && !current.restore()) instance = newInstance();
});

useUtc();
instance = newInstance();
instance.then(() => send({ type: 'ready' }));
