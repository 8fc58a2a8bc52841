import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '..', '..');
/** Prefix of temporary test folders. */
const PLACE = 'logline-e2e-';
const READY = 'Ctrl-C stops it.';

/** Result of a command. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `npm start` under test: the real command in a process of its own. */
export interface LocalRun {
  readonly url: string;
  readonly token: string;
  /** The first curl line, as printed. */
  readonly curl: string;
  readonly pid: number;
  readonly output: () => string;
  readonly ended: Promise<Ended>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

export interface CommandOptions {
  /** `cli/logline.js` of another checkout. Defaults to this one's. */
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

/** A folder for LOGLINE_DATA within a temporary one, since the rollback guard lies beside it. */
export async function temporaryFolder(): Promise<string> {
  const data = path.join(await mkdtemp(path.join(tmpdir(), PLACE)), 'data');
  await mkdir(data);
  return data;
}

/** Starts `npx logline …`; `ended` resolves when it has. */
export function startCommand(
  args: readonly string[],
  options: CommandOptions = {},
): { child: ChildProcess; ended: Promise<Ended>; stdout: () => string; stderr: () => string } {
  const { PATH = '', HOME = tmpdir() } = process.env;
  const { program = path.join(ROOT, 'cli', 'logline.js') } = options;
  const child = spawn(process.execPath, [program, ...args], {
    // Outside the project's folder, so that nothing depends on the working directory.
    cwd: tmpdir(),
    env: { PATH, HOME, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended, stdout: () => stdout, stderr: () => stderr };
}

/** Runs `npx logline …` to its end. */
export function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  return startCommand(args, options).ended;
}

/**
 * Starts the local run and waits until it is ready.
 * @throws Error with its output when it ends first
 */
export async function startLocalRun(data: string, options: CommandOptions = {}): Promise<LocalRun> {
  const command = startCommand(['dev'], {
    ...options,
    env: { PORT: '0', LOGLINE_DATA: data, ...options.env },
  });
  await outputOf(command, READY);
  const output = command.stdout();
  const lines = output.split('\n');
  const pid = command.child.pid;
  const url = /LogLine is running at (\S+)/.exec(output)?.[1];
  const token = lines.find((line) => /^ey\S+$/.test(line));
  const curl = lines.find((line) => line.startsWith('curl '));
  if (pid === undefined || url === undefined || token === undefined || curl === undefined) {
    throw new Error(`the local run printed something else:\n${output}`);
  }
  return {
    url,
    token,
    curl,
    pid,
    output: command.stdout,
    ended: command.ended,
    stop(signal = 'SIGTERM') {
      command.child.kill(signal);
      return command.ended;
    },
  };
}

/** Waits until a command has printed `text`. */
export async function outputOf(command: ReturnType<typeof startCommand>, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const look = (): void => {
      if (command.stdout().includes(text)) resolve();
    };
    command.child.stdout?.on('data', look);
    look();
    void command.ended.then(({ code, signal, stdout, stderr }) =>
      reject(new Error(`ended with ${code ?? signal} before it printed "${text}":\n${stdout}${stderr}`)),
    );
  });
}

/** Ids of the processes whose command line names `text` (Linux). */
export async function processesNaming(text: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const named = [];
  for (const pid of pids) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(text) && pid !== process.pid) named.push(pid);
  }
  return named;
}

/** Kills every process whose command line names `data` and removes its temporary folder; for `afterEach`. */
export async function cleanUp(data: string): Promise<void> {
  for (const pid of await processesNaming(data)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has ended meanwhile.
    }
  }
  const place = path.dirname(data);
  const all = path.basename(place).startsWith(PLACE) ? place : data;
  await rm(all, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}
