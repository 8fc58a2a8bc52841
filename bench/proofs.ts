import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Span } from '../runtime/base/span';
import { cryptoReady, generateSigningKey } from '../runtime/crypto';
import { newSpanId } from '../runtime/ledger/span-id';
import { signSpan } from '../runtime/ledger/span-signature';
import { AUDIT_LOCK } from '../runtime/proofs/auditor';
import { SEAL_LOCK } from '../runtime/proofs/seal-store';
import type { Bench, BenchContext, BenchResult } from './bench';
import type { BenchCluster, BenchDatabase } from './harness/cluster';
import { HelperProcess } from './harness/helper-process';
import type { LoadSummary, PostLoad } from './harness/load-process';
import { type Product, startProduct } from './harness/product';
import { sampleSpan } from './harness/sample-spans';
import {
  median,
  percent,
  quantile,
  ratioOf,
  rounded,
  type Spread,
  shown,
  spreadOf,
} from './harness/statistics';

const IDENTITY = { user: 'bench', tenant: 'bench' };
const LOADS = [
  { name: 'singles, 32 callers', callers: 32, kind: 'single', spansPerRequest: 1, goal: 0.9 },
  { name: 'batches of 100, 8 callers', callers: 8, kind: 'array', spansPerRequest: 100, goal: 0.8 },
] as const;
const LOOK_MS = 20;
/** Client-signed spans in one request. */
const FOREIGN_BATCH = 500;
/** Spans audited to measure the rate. */
const AUDITED_SPANS = 100_000;
/** Time limit in milliseconds for sealing or auditing. */
const PATIENCE_MS = 300_000;

interface Setting {
  readonly context: BenchContext;
  readonly cluster: BenchCluster;
  readonly database: BenchDatabase;
  readonly product: Product;
  readonly load: HelperProcess;
  readonly token: string;
  readonly client: Client;
}

/** Proof times of one log at one size. */
interface ProofTimes {
  readonly leaves: number;
  readonly p50Ms: number;
}

/** Appending for a while. */
interface Appended {
  readonly perSecond: number;
  /** Processor time of all processes of ledger and database for a span; NaN where the system does not say. */
  readonly cpuUs: number;
}

interface Figures {
  /** By load and round, with sealing and auditing blocked (`off`) and running (`on`). */
  readonly off: Appended[][];
  readonly on: Appended[][];
  /** Seconds from the end of a round of appends until all of it is sealed. */
  readonly behindS: number[];
  readonly lagMs: number[];
  readonly proofs: ProofTimes[];
  /** Rows audited a second on an idle ledger: signed by the instance, and by clients. */
  readonly auditedPerSecond: { readonly own: number; readonly foreign: number };
  readonly bytesPerLeaf: number;
  readonly bytesPerCheckpoint: number;
}

export const bench: Bench = {
  name: 'proofs',
  title: 'Sealing and auditing: what they cost writers, how soon, and how large',
  async run(context) {
    const cluster = await context.cluster();
    const database = await cluster.createDatabase();
    const product = await startProduct(database);
    const load = new HelperProcess('load-process.ts');
    const client = new Client({ connectionString: database.superuserUrl });
    await client.connect();
    try {
      const token = await product.token(IDENTITY.user, IDENTITY.tenant);
      return result(await measure({ context, cluster, database, product, load, token, client }));
    } finally {
      await client.end();
      await load.stop();
      await product.stop();
      await database.drop();
    }
  },
};

async function measure(setting: Setting): Promise<Figures> {
  const { context } = setting;
  const lagMs = await lags(setting, context.quick ? 10 : 200);
  const sizes = context.quick ? [1_000, 2_000] : context.full ? [10_000, 1_000_000] : [10_000, 100_000];
  const proofs: ProofTimes[] = [];
  for (const leaves of sizes) {
    context.progress(`a log of ${leaves} spans`);
    await growTo(setting, leaves);
    proofs.push({ leaves: await sealedSize(setting), p50Ms: await proofTime(setting) });
  }
  const sizesOfTables = await tableSizes(setting);
  context.progress('auditing again what the instance signed');
  const own = await auditRate(setting, await placeBefore(setting, AUDITED_SPANS));
  context.progress('auditing spans that their client signed');
  const foreign = await auditRate(setting, await appendForeign(setting, context.quick ? 1_000 : 20_000));
  const off: Appended[][] = LOADS.map(() => []);
  const on: Appended[][] = LOADS.map(() => []);
  const behindS: number[] = [];
  for (let round = 1; round <= (context.quick ? 1 : 5); round += 1) {
    context.progress(`round ${round}`);
    for (const [index] of LOADS.entries()) {
      off[index]?.push(await heldUp(setting, () => post(setting, index)));
      on[index]?.push(await post(setting, index));
      const begin = performance.now();
      await allSealed(setting);
      behindS.push((performance.now() - begin) / 1_000);
    }
  }
  return { off, on, behindS, lagMs, proofs, auditedPerSecond: { own, foreign }, ...sizesOfTables };
}

async function post(setting: Setting, index: number): Promise<Appended> {
  const { context, product, load, token } = setting;
  const plan = LOADS[index];
  if (plan === undefined) throw new RangeError(`no load ${index}`);
  const { callers, kind, spansPerRequest } = plan;
  const before = cpuSeconds(setting);
  const { perSecond, statuses } = await load.call<LoadSummary>('post', {
    ...{ port: product.port, tokens: [token], callers, kind, spansPerRequest },
    warmUpMs: 200,
    measureMs: context.quick ? 400 : 3_000,
  } satisfies PostLoad);
  const used = cpuSeconds(setting) - before;
  const answers = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  if (answers !== statuses['201']) throw new Error(`appends were refused: ${JSON.stringify(statuses)}`);
  return {
    perSecond: perSecond * spansPerRequest,
    cpuUs: (used / (answers * spansPerRequest)) * 1e6,
  };
}

function cpuSeconds({ product, cluster }: Setting): number {
  return (product.cpuSeconds() ?? Number.NaN) + (cluster.cpuSeconds() ?? Number.NaN);
}

/** Runs `work` while the locks of sealer and auditor are held here; skips what was appended meanwhile. */
async function heldUp<T>({ client }: Setting, work: () => Promise<T>): Promise<T> {
  await client.query('SELECT pg_advisory_lock($1), pg_advisory_lock($2)', [SEAL_LOCK, AUDIT_LOCK]);
  try {
    return await work();
  } finally {
    for (const cursor of ['seal_cursor', 'audit_cursor'])
      await client.query(`UPDATE app.${cursor} SET (tx_id, ordinal) = (${NEWEST})`);
    await client.query('SELECT pg_advisory_unlock($1), pg_advisory_unlock($2)', [SEAL_LOCK, AUDIT_LOCK]);
  }
}

const NEWEST =
  'SELECT tx_id, ordinal FROM ledger.universal_registry ORDER BY tx_id DESC, ordinal DESC LIMIT 1';

/** Milliseconds from an append's answer to the answer with its proof. */
async function lags({ product, token }: Setting, count: number): Promise<number[]> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const times: number[] = [];
  for (let number = 0; number < count; number += 1) {
    const body = JSON.stringify({ entity_type: 'note', who: 'bench', this: String(number) });
    const stored = await fetch(`${product.url}/api/spans`, { method: 'POST', headers, body });
    const { span } = (await stored.json()) as { span: { id: string } };
    const begin = performance.now();
    const answer = await fetch(`${product.url}/api/spans/${span.id}/proof`, {
      headers: { ...headers, prefer: 'wait=20' },
    });
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(`a proof was answered ${answer.status}`);
    times.push(performance.now() - begin);
  }
  return times;
}

async function growTo(setting: Setting, leaves: number): Promise<void> {
  const missing = leaves - (await sealedSize(setting));
  await setting.load.call<LoadSummary>('post', {
    ...{
      port: setting.product.port,
      tokens: [setting.token],
      callers: 4,
      kind: 'array',
      spansPerRequest: 100,
    },
    ...{ warmUpMs: 0, measureMs: 600_000, maxRequests: Math.max(1, Math.ceil(missing / 100)) },
  } satisfies PostLoad);
  await allSealed(setting);
}

/** Milliseconds of proofs of spans across the log, read one by one. */
async function proofTime({ context, product, token, client }: Setting): Promise<number> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM ledger.log_entry ORDER BY md5(id::text) LIMIT $1',
    [context.quick ? 20 : 500],
  );
  const times: number[] = [];
  for (const { id } of rows) {
    const begin = performance.now();
    const answer = await fetch(`${product.url}/api/spans/${id}/proof`, {
      headers: { authorization: `Bearer ${token}` },
    });
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(`a proof was answered ${answer.status}`);
    times.push(performance.now() - begin);
  }
  return median(times);
}

async function sealedSize({ client }: Setting): Promise<number> {
  const { rows } = await client.query<{ size: string }>(
    'SELECT coalesce(sum(size), 0) AS size FROM app.log_head',
  );
  return Number(rows[0]?.size);
}

function allSealed({ client }: Setting): Promise<void> {
  return untilTrue(
    client,
    `SELECT (s.tx_id, s.ordinal) >= (n.tx_id, n.ordinal) AS done FROM app.seal_cursor s, (${NEWEST}) n`,
  );
}

/** A position in the feed. */
interface Place {
  readonly tx_id: string;
  readonly ordinal: string;
}

/**
 * Appends spans that a client signed.
 * @returns the place of the last span before them
 */
async function appendForeign({ product, token, client }: Setting, count: number): Promise<Place> {
  await cryptoReady();
  const key = generateSigningKey();
  const { rows } = await client.query<Place>(`SELECT tx_id::text, ordinal::text FROM (${NEWEST}) AS newest`);
  for (let from = 0; from < count; from += FOREIGN_BATCH) {
    const spans = Array.from({ length: FOREIGN_BATCH }, (_, at) =>
      signSpan(
        {
          ...(sampleSpan(from + at) as Pick<Span, 'entity_type' | 'who' | 'this'>),
          ...{ id: newSpanId(), seq: 0, at: new Date().toISOString() },
          ...{ owner_id: IDENTITY.user, tenant_id: IDENTITY.tenant, visibility: 'tenant', is_deleted: false },
        },
        key,
      ),
    );
    const answer = await fetch(`${product.url}/api/spans`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(spans),
    });
    await answer.arrayBuffer();
    if (answer.status !== 201) throw new Error(`signed spans were answered ${answer.status}`);
  }
  const [before] = rows;
  if (before === undefined) throw new Error('there was no span before');
  return before;
}

/** Feed position with this many spans after it; the start of the feed if there are fewer. */
async function placeBefore({ client }: Setting, spans: number): Promise<Place> {
  const { rows } = await client.query<Place>(
    `SELECT tx_id::text, ordinal::text FROM ledger.universal_registry
      ORDER BY tx_id DESC, ordinal DESC OFFSET $1 LIMIT 1`,
    [spans],
  );
  return rows[0] ?? { tx_id: '0', ordinal: '0' };
}

/** Audits everything after a position; rows audited before the first sample do not count. */
async function auditRate(setting: Setting, { tx_id, ordinal }: Place): Promise<number> {
  const { client } = setting;
  const AUDITED = `SELECT (a.tx_id, a.ordinal) >= (s.tx_id, s.ordinal) AS done FROM app.audit_cursor a, app.seal_cursor s`;
  await allSealed(setting);
  // Between two batches of the auditor, of which each puts its cursor where it ended.
  await client.query('SELECT pg_advisory_lock($1)', [AUDIT_LOCK]);
  await client.query('UPDATE app.audit_cursor SET tx_id = $1, ordinal = $2', [tx_id, ordinal]);
  await client.query('SELECT pg_advisory_unlock($1)', [AUDIT_LOCK]);
  // The idle loop sleeps; a new span wakes it.
  await lags(setting, 1);
  const begin = performance.now();
  const { rows } = await client.query<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM app.audit_cursor a, app.seal_cursor s, ledger.universal_registry r
      WHERE (r.tx_id, r.ordinal) > (a.tx_id, a.ordinal) AND (r.tx_id, r.ordinal) <= (s.tx_id, s.ordinal)`,
  );
  await untilTrue(client, AUDITED);
  return (rows[0]?.rows ?? 0) / ((performance.now() - begin) / 1_000);
}

async function untilTrue(client: Client, text: string): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const { rows } = await client.query<{ done: boolean }>(text);
    if (rows[0]?.done === true) return;
    if (performance.now() > deadlineMs) throw new Error(`never came true: ${text}`);
    await sleep(LOOK_MS);
  }
}

/** Measures checkpoints in a larger table of their own, since fixed pages dominate a small one. */
async function tableSizes({
  client,
  context,
}: Setting): Promise<Pick<Figures, 'bytesPerLeaf' | 'bytesPerCheckpoint'>> {
  await client.query('VACUUM ledger.log_entry, ledger.log_tile');
  const checkpoints = context.quick ? 2_000 : 20_000;
  await client.query('CREATE TEMP TABLE many_checkpoints (LIKE ledger.checkpoint INCLUDING ALL)');
  await client.query(
    `INSERT INTO many_checkpoints (log_no, size, root, signature)
     SELECT number % 50, number, sha256(number::text::bytea), set_byte(repeat('x', 68)::bytea, 0, number % 256)
       FROM generate_series(1, $1::int) AS number`,
    [checkpoints],
  );
  await client.query('VACUUM many_checkpoints');
  const { rows } = await client.query<{ leaf: number; checkpoint: number }>(
    `SELECT (pg_total_relation_size('ledger.log_entry') + pg_total_relation_size('ledger.log_tile'))::float8
         / (SELECT count(*) FROM ledger.log_entry) AS leaf,
       pg_total_relation_size('many_checkpoints')::float8 / $1::int AS checkpoint`,
    [checkpoints],
  );
  await client.query('DROP TABLE many_checkpoints');
  const [row] = rows;
  if (row === undefined) throw new Error('no sizes');
  return { bytesPerLeaf: row.leaf, bytesPerCheckpoint: row.checkpoint };
}

function result(figures: Figures): BenchResult {
  const { off, on, lagMs, proofs, behindS, bytesPerLeaf, bytesPerCheckpoint } = figures;
  const { own, foreign } = figures.auditedPerSecond;
  const rates = (side: Appended[][], index: number) => (side[index] ?? []).map(({ perSecond }) => perSecond);
  const costs = (side: Appended[][], index: number) => (side[index] ?? []).map(({ cpuUs }) => cpuUs);
  const shares = LOADS.map((_, index) => ratioOf(rates(on, index), rates(off, index)));
  const cpuShares = LOADS.map((_, index) => ratioOf(costs(off, index), costs(on, index)));
  const [small, large] = proofs;
  const growth = (large?.p50Ms ?? 0) / (small?.p50Ms ?? 1);
  const lag = quantile(lagMs, 0.99);
  const goal = (what: string, aim: string, measured: string, met: boolean) => ({
    what,
    goal: aim,
    measured,
    met,
  });
  const share = (what: string, least: number, measured: Spread | undefined) =>
    goal(what, `≥ ${percent(least)}`, percents(measured), (measured?.median ?? 0) >= least);
  return {
    goals: [
      ...LOADS.flatMap(({ name, goal: least }, index) => [
        share(`${name}, sealing and auditing on, of the same with both off`, least, shares[index]),
        share('the same by processor time a span', least, cpuShares[index]),
      ]),
      goal('commit → proof, p99', '≤ 1 s', `${rounded(lag)} ms`, lag <= 1_000),
      goal('own rows audited a second while idle', '≥ 8,000', rounded(own), own >= 8_000),
      goal('rows of other keys audited a second while idle', '≥ 4,000', rounded(foreign), foreign >= 4_000),
      goal(
        `p50 of a proof at ${large?.leaves} leaves, against ${small?.leaves}`,
        '≤ 2 ×',
        `${rounded(growth)} ×`,
        growth <= 2,
      ),
      goal('bytes a leaf, without checkpoints', '≤ 250', rounded(bytesPerLeaf), bytesPerLeaf <= 250),
      goal('bytes a checkpoint', '≤ 300', rounded(bytesPerCheckpoint), bytesPerCheckpoint <= 300),
    ],
    tables: [
      {
        caption:
          'Spans a second appended, in alternation, and processor time per span of ledger and database',
        columns: ['', 'off', 'on', 'on / off', 'off, µs', 'on, µs', 'off / on'],
        rows: LOADS.map(({ name }, index) => [
          name,
          shown(spreadOf(rates(off, index))),
          shown(spreadOf(rates(on, index))),
          percents(shares[index]),
          shown(spreadOf(costs(off, index))),
          shown(spreadOf(costs(on, index))),
          percents(cpuShares[index]),
        ]),
      },
      {
        caption: 'Sealing behind the appends, in seconds after the last of them; proofs in ms',
        columns: [
          'most behind',
          'commit → proof p50',
          'p99',
          ...proofs.map(({ leaves }) => `proof at ${leaves} leaves`),
        ],
        rows: [[Math.max(...behindS), median(lagMs), lag, ...proofs.map(({ p50Ms }) => p50Ms)]],
      },
    ],
    figures,
  };
}

function percents(measured: Spread | undefined): string {
  return measured === undefined
    ? '–'
    : `${percent(measured.median)} (${percent(measured.min)}–${percent(measured.max)})`;
}
