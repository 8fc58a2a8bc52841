import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';

const ROOT = path.dirname(path.dirname(__dirname));
const STOP_TIMEOUT_MS = 10_000;

/** Calls that a helper process answers; arguments and results are structured clones. */
export type Calls = Readonly<Record<string, (argument: never) => Promise<unknown>>>;

interface Question {
  readonly number: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly number: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Processor time and memory of a process, from its own view. */
export interface ProcessUse {
  /** User and system time since its start. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/**
 * A helper process, so that load generator and server do not share an event loop. It ends with this process, when the
 * channel closes.
 */
export class HelperProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #asked = 0;

  /** @param file a TypeScript file of this folder that calls {@link answerCalls} */
  constructor(
    file: string,
    options: { readonly env?: NodeJS.ProcessEnv; readonly nodeArgs?: string[] } = {},
  ) {
    this.#child = fork(path.join(__dirname, file), [], {
      cwd: ROOT,
      env: { ...process.env, ...options.env },
      execArgv: ['--require', path.join(ROOT, 'cli', 'register-typescript.js'), ...(options.nodeArgs ?? [])],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => this.#settle(message as Answer));
    this.#child.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`${file} ended with ${signal ?? `code ${code}`}`));
      }
      this.#waiting.clear();
    });
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Calls the helper. The result's type is not checked, since both sides are ours. */
  call<T>(name: string, argument?: unknown): Promise<T> {
    this.#asked += 1;
    const question: Question = { number: this.#asked, name, argument };
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(question.number, { resolve: (value) => resolve(value as T), reject });
      this.#child.send(question);
    });
  }

  /** Stops the process and waits for its end. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.#child.send({ number: 0, name: 'stop', argument: undefined } satisfies Question);
    await ended;
    clearTimeout(late);
  }

  #settle({ number, result, error }: Answer): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }
}

/** The helper's side: answers calls until it is stopped or the parent exits. */
export function answerCalls(calls: Calls, stop: () => Promise<void> = async () => undefined): void {
  const all: Calls = { ...calls, use: async () => processUse() };
  let stopping = false;
  const end = (): void => {
    if (stopping) return;
    stopping = true;
    stop().finally(() => process.exit());
  };
  process.on('disconnect', end);
  process.on('message', (message) => {
    const { number, name, argument } = message as Question;
    if (name === 'stop') return end();
    const call = all[name] as ((argument: unknown) => Promise<unknown>) | undefined;
    const answered = call === undefined ? Promise.reject(new Error(`no call ${name}`)) : call(argument);
    answered.then(
      (result) => process.send?.({ number, result } satisfies Answer),
      (error) =>
        process.send?.({ number, error: error instanceof Error ? (error.stack ?? '') : String(error) }),
    );
  });
}

/** Processor time and memory of this process. */
export function processUse(): ProcessUse {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage.rss() };
}
