import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { table } from '../../cli/table';
import { freePort } from '../../local/free-port';
import { SCHEDULE } from '../../runtime/host/schedule';
import { cleanUp, type LocalRun, runCommand, startLocalRun, temporaryFolder } from '../support/local-run';
import { Tenant } from './tenant';

// `npm run soak [minutes]` (60): mild load on a `npm start` of its own, and what it holds over time: memory and open files of
// its processes, sizes of tables and indexes, gaps between ticks. In the end it lists growth. Linux only, since it reads /proc.

const SAMPLES = 12;
/** Growth below this factor is noise. */
const NOISE = 1.1;

interface Use {
  /** Proportional memory: shared pages count once. */
  readonly bytes: number;
  readonly files: number;
}

/** A sample: figures by name. */
interface Sample {
  readonly second: number;
  readonly figures: ReadonlyMap<string, number>;
  /** Seconds since each job's last start. */
  readonly ticks: ReadonlyMap<string, number>;
}

interface Soak {
  readonly run: LocalRun;
  readonly data: string;
  readonly database: Client;
  readonly metricsPort: number;
}

const count = { calls: 0, failed: 0 };

async function main([minutes = '60']: readonly string[]): Promise<void> {
  const seconds = Number(minutes) * 60;
  if (!(seconds > 0)) throw new Error('usage: npm run soak [minutes]');
  const data = await temporaryFolder();
  const metricsPort = await freePort();
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  try {
    const run = await startLocalRun(data, { env: { LOGLINE_METRICS_PORT: String(metricsPort) } });
    const soak = { run, data, metricsPort, database: await adminOf(data) };
    const load = loadOf(await tenantOf(run, data), stop.signal);
    const samples = await watch(soak, seconds, stop.signal);
    stop.abort();
    await Promise.all(load);
    await soak.database.end();
    console.log(['', ...grown(samples), '', ...lateTicks(samples)].join('\n'));
    await run.stop();
    if (count.failed > 0) process.exitCode = 1;
  } finally {
    stop.abort();
    await cleanUp(data);
  }
}

async function adminOf(data: string): Promise<Client> {
  const { stdout } = await runCommand(['connect', '--print', '--admin'], { env: { LOGLINE_DATA: data } });
  const client = new Client({ connectionString: stdout.trim() });
  await client.connect();
  return client;
}

async function tenantOf(run: LocalRun, data: string): Promise<Tenant> {
  const { stdout } = await runCommand(['token', '--user', 'soak', '--tenant', 'soak'], {
    env: { LOGLINE_DATA: data },
  });
  return new Tenant(run.url, stdout.trim());
}

/** A caller of each kind, with pauses between calls. */
function loadOf(tenant: Tenant, signal: AbortSignal): Promise<void>[] {
  let number = 0;
  const span = () => {
    number += 1;
    return { entity_type: 'note', who: 'soak', this: `note ${number}`, metadata: { number } };
  };
  const caller = async (everyMs: number, call: () => Promise<number>): Promise<void> => {
    while (!signal.aborted) {
      const status = await call();
      count.calls += 1;
      if (status >= 300) count.failed += 1;
      await delay(everyMs, undefined, { signal }).catch(() => undefined);
    }
  };
  return [
    caller(200, () => tenant.post(span())),
    caller(200, () => tenant.post(span(), { 'idempotency-key': crypto.randomUUID() })),
    caller(250, () => tenant.get('/api/timeline?limit=50')),
    caller(1_000, () => tenant.execute('return (await ctx.sql`SELECT 1 AS one`).rows;')),
    caller(10_000, () => tenant.execute('return 2;', { prefer: 'respond-async' })),
  ];
}

/** Takes and prints samples at regular intervals after a warm-up. */
async function watch(soak: Soak, seconds: number, signal: AbortSignal): Promise<Sample[]> {
  const began = performance.now();
  const warmS = Math.min(60, seconds / 5);
  const samples: Sample[] = [];
  for (let turn = 0; turn < SAMPLES; turn += 1) {
    const atMs = 1_000 * (warmS + ((seconds - warmS) * turn) / (SAMPLES - 1));
    const waitMs = Math.max(0, atMs - (performance.now() - began));
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const sample = await look(soak, Math.round((performance.now() - began) / 1_000));
    samples.push(sample);
    console.log(
      `${sample.second} s: ${SHOWN.map((name) => `${name} ${shown(name, sample.figures.get(name) ?? 0)}`).join(' · ')}`,
    );
  }
  return samples;
}

/** Figures printed with each sample; the others only in the end. */
const SHOWN = ['calls', 'failed', 'API: memory', 'kernels: memory', 'PostgreSQL: memory', 'tables: bytes'];

async function look({ run, data, database, metricsPort }: Soak, second: number): Promise<Sample> {
  const figures = new Map<string, number>([
    ['calls', count.calls],
    ['failed', count.failed],
  ]);
  const add = (name: string, value: number): void => void figures.set(name, (figures.get(name) ?? 0) + value);
  for (const pid of [run.pid, ...(await descendantsOf(run.pid))]) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const part = pid === run.pid ? 'API' : command.includes('postgres') ? 'PostgreSQL' : 'kernels';
    const { bytes, files } = await useOf(pid);
    add(`${part}: memory`, bytes);
    add(`${part}: open files`, files);
  }
  for (const { name, heap, indexes } of (await database.query<Relation>(SIZES)).rows) {
    figures.set(`${name}: bytes`, Number(heap));
    figures.set(`${name}: bytes of indexes`, Number(indexes));
    add('tables: bytes', Number(heap) + Number(indexes));
  }
  figures.set('logline.log: bytes', (await stat(path.join(data, 'logline.log'))).size);
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const ticks = [...metrics.matchAll(/^logline_tick_age_seconds\{job="(\w+)"\} (\S+)$/gm)];
  return { second, figures, ticks: new Map(ticks.map(([, job = '', age]) => [job, Number(age)])) };
}

interface Relation {
  readonly name: string;
  readonly heap: string;
  readonly indexes: string;
}

const SIZES = `
  SELECT n.nspname || '.' || c.relname AS name, pg_table_size(c.oid)::text AS heap, pg_indexes_size(c.oid)::text AS indexes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind = 'r' AND n.nspname IN ('app', 'ledger')`;

async function descendantsOf(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  const children = lists.join(' ').trim().split(/\s+/).filter(Boolean).map(Number);
  return [...children, ...(await Promise.all(children.map(descendantsOf))).flat()];
}

async function useOf(pid: number): Promise<Use> {
  const memory = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  return { bytes: 1_024 * Number(/^Pss: +(\d+)/m.exec(memory)?.[1] ?? 0), files: files.length };
}

/** Figures larger in the last sample than in the first, and whether they still grew in the second half. */
function grown(samples: readonly Sample[]): string[] {
  const [first, middle, last] = [samples[0], samples[Math.floor(samples.length / 2)], samples.at(-1)];
  if (first === undefined || middle === undefined || last === undefined) return ['no look'];
  const rows = [...last.figures]
    .filter(([name]) => name !== 'calls' && name !== 'failed')
    .map(([name, to]) => ({
      name,
      from: first.figures.get(name) ?? 0,
      half: middle.figures.get(name) ?? 0,
      to,
    }))
    .filter(({ from, to }) => to > from * NOISE)
    .map(({ name, from, half, to }) => [
      name,
      ...[from, half, to].map((value) => shown(name, value)),
      to > half * NOISE ? 'still' : 'no more',
    ]);
  const calls = `${count.calls} calls, ${count.failed} failed. What grew by more than a tenth from ${first.second} s to ${last.second} s:`;
  return [calls, ...table(['what', 'first', 'half-way', 'last', 'grows'], rows)];
}

/** The longest gap of each job, compared with its cadence. */
function lateTicks(samples: readonly Sample[]): string[] {
  const rows = SCHEDULE.map(({ job: name, cadence }) => [
    name,
    cadence.kind === 'interval' ? String(cadence.everySeconds) : 'daily',
    Math.max(0, ...samples.map(({ ticks }) => ticks.get(name) ?? 0)).toFixed(1),
  ]);
  return table(['job', 'every, s', 'longest pause seen, s'], rows);
}

function shown(name: string, value: number): string {
  return /bytes|memory/.test(name) ? `${(value / 1_048_576).toFixed(2)} MiB` : String(value);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
