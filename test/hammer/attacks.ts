import { type Attack, executing, over, sockets } from './callers';
import { ROUTE_ATTACKS } from './route-attacks';

const note = { entity_type: 'note', who: 'bad', this: 'x' };
const thousand = JSON.stringify(Array.from({ length: 1_000 }, () => note));
const manyValues = JSON.stringify(
  Array.from({ length: 2 }, () => ({ ...note, metadata: Array.from({ length: 48_000 }, () => ({})) })),
);
const MIB = 1024 * 1024;

const EACH: Readonly<Record<string, Attack>> = {
  'batches-over-32-connections': (bad) => over(32, () => bad.post(thousand)),
  'batches-over-200-connections': (bad) => over(200, () => bad.post(thousand)),
  'posts-over-1000-connections': (bad) => over(1_000, () => bad.post(note)),
  'many-small-values': (bad) => over(16, () => bad.post(manyValues)),
  async 'pages-of-large-spans'(bad) {
    const large = { ...note, visibility: 'public', description: 'x'.repeat(1_000_000) };
    for (let count = 0; count < 20; count += 1) await bad.post([large, large, large]);
    over(14, () => bad.get('/api/timeline?limit=1000', true));
  },
  async 'repeats-of-large-spans'(bad) {
    const ids = Array.from({ length: 60 }, () => crypto.randomUUID());
    for (const id of ids) await bad.post({ ...note, id, description: 'x'.repeat(1_000_000) });
    over(14, () => bad.post(ids.map((id) => ({ ...note, id }))));
  },
  async 'unread-answers'(bad) {
    const large = { ...note, visibility: 'public', description: 'x'.repeat(1_000_000) };
    for (let count = 0; count < 2; count += 1) await bad.post([large, large, large]);
    sockets(bad, 500, 'GET /api/timeline?limit=1000 HTTP/1.1\r\nhost: x\r\n\r\n', false);
  },
  'half-sent-bodies': (bad) => {
    const head = `POST /api/spans HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${bad.token}\r\ncontent-type: application/json\r\ncontent-length: ${4 * MIB}\r\n\r\n`;
    sockets(bad, 300, `${head}["${'x'.repeat(3 * MIB)}`);
  },
  'slow-headers': (bad) => sockets(bad, 1_000, 'GET /api/health HTTP/1.1\r\nx: '),
  'uninterruptible-sql': (bad) =>
    executing(
      bad,
      3,
      'const long = "9".repeat(3000); const text = ["SELECT sum(mod(", "::numeric, g + 7)) FROM generate_series(1, 1000) g"]; text.raw = text; await Promise.all(Array.from({ length: 20 }, () => ctx.sql(text, long)));',
    ),
  'amplifying-sql': (bad) =>
    executing(
      bad,
      3,
      "await ctx.sql`SELECT string_agg(repeat('x', 1000), '') FROM generate_series(1, 400000) g`;",
    ),
  'large-results': (bad) =>
    executing(
      bad,
      3,
      'const text = ["SELECT ", " || g AS t FROM generate_series(1, 400) g"]; text.raw = text; await ctx.sql(text, "x".repeat(1000000));',
    ),
  'thousand-texts': (bad) =>
    executing(
      bad,
      3,
      'await Promise.allSettled(Array.from({ length: 1000 }, (_, i) => { const t = ["SELECT " + Array.from({ length: 350 }, (_, j) => i + " + " + j).join(", ")]; t.raw = t; return ctx.sql(t); }));',
    ),
  'thousand-slow-selects': (bad) =>
    executing(
      bad,
      3,
      'await Promise.allSettled(Array.from({ length: 1000 }, () => ctx.sql`SELECT count(*) FROM generate_series(1, 3000000) g`));',
    ),
  'hostile-runs': (bad) => executing(bad, 50, 'for (;;) {}'),
  async 'queued-loops'(bad) {
    for (let count = 0; count < 300; count += 1)
      await bad.execute('for (;;) {}', { prefer: 'respond-async' });
  },
  async 'looping-policy'(bad) {
    await bad.post({ ...note, entity_type: 'policy', code: 'function on() { for (;;) {} }' });
    over(1, () => bad.post(note));
  },
  'calls-without-end': (bad) => executing(bad, 8, 'for (;;) await ctx.sql`SELECT 1`.catch(() => 0);'),
};

/** Each attack by a tenant of its own: their shares add up, and none of them slows another one's attack down. */
export const ALL_BY_MANY = 'all-at-once-by-many';
/** Tenants that it needs besides the bad one. */
export const MANY = Object.keys(EACH).length - 1;

/** Attacks by name: one of each kind that once delayed other tenants, all of these together, and those of single routes. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  ...EACH,
  ...ROUTE_ATTACKS,
  async 'all-at-once'(bad) {
    await Promise.all(Object.values(EACH).map((attack) => attack(bad, [])));
  },
  async [ALL_BY_MANY](bad, others) {
    const tenants = [bad, ...others];
    await Promise.all(
      Object.values(EACH).map((attack, index) => attack(tenants[index % tenants.length] ?? bad, [])),
    );
  },
};
