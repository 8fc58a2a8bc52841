import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { SignedSpan } from '../../runtime/base/span';
import { sha256 } from '../../runtime/crypto/sha256';
import { fromBase64 } from '../../runtime/proofs/base64';
import { parseCheckpoint } from '../../runtime/proofs/checkpoint';
import { verifyConsistency } from '../../runtime/proofs/merkle-proof';
import { parseNote } from '../../runtime/proofs/signed-note';
import { readFeed } from '../support/api';
import { cleanUp, type LocalRun, runCommand, startLocalRun, temporaryFolder } from '../support/local-run';
import { until } from '../support/until';

/**
 * Number of spans. Not part of `npm test`, since it takes at least a minute; prints its figures. In full:
 * `LOGLINE_HAMMER_MOVE=100000 npm test -- test/hammer/move.ts`
 */
const SPANS = Number(process.env.LOGLINE_HAMMER_MOVE ?? 1_000);
const BATCH = 100;
const USERS = ['alice', 'bob', 'carol'];
const FEW = 5;

/** A call of another tenant. */
interface Sample {
  readonly atMs: number;
  readonly tookMs: number;
  readonly status: number;
}

describe('a tenant that moves as the operations guide says', function () {
  this.timeout(3_600_000);
  let here: LocalRun;
  let there: LocalRun;
  let folders: readonly string[];

  before(async () => {
    folders = await Promise.all([temporaryFolder(), temporaryFolder(), temporaryFolder()]);
    [here, there] = await Promise.all([startLocalRun(folders[0] ?? ''), startLocalRun(folders[1] ?? '')]);
  });
  after(async () => {
    await Promise.all([here?.stop(), there?.stop()]);
    await Promise.all(folders.map(cleanUp));
  });

  const command = async (cell: LocalRun, ...args: string[]): Promise<string> => {
    const env = { LOGLINE_DATA: folders[cell === here ? 0 : 1] ?? '' };
    const { code, stdout, stderr } = await runCommand(args, { env });
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  const token = (cell: LocalRun, user: string, tenant = 'acme') =>
    command(cell, 'token', '--user', user, '--tenant', tenant, '--ttl', '4h');
  const call = async (
    cell: LocalRun,
    bearer: string,
    route: string,
    body?: unknown,
    headers: object = {},
  ) => {
    const answer = await fetch(`${cell.url}${route}`, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', ...headers },
    });
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  };
  const note = (name: string, more: object = {}) => ({
    entity_type: 'note',
    who: 'a',
    this: name,
    visibility: 'tenant',
    ...more,
  });

  /** The tenant's feed as one user sees it. */
  const feedOf = async (cell: LocalRun, bearer: string): Promise<SignedSpan[]> => {
    const spans: SignedSpan[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await readFeed(cell.url, bearer, cursor);
      assert.equal(page.status, 200);
      spans.push(...page.spans.filter(({ tenant_id }) => tenant_id === 'acme'));
      if (page.spans.length === 0) return spans;
      cursor = page.cursor;
    }
  };

  it('keeps every span and its order, does its open work once, and other tenants do not notice', async () => {
    const tokens = await Promise.all(USERS.map((user) => token(here, user)));
    const [alice = ''] = tokens;
    for (let done = 0; done < SPANS; done += BATCH) {
      const spans = Array.from({ length: Math.min(BATCH, SPANS - done) }, (_, index) =>
        note(`span ${done + index}`, index % 4 === 0 ? { visibility: 'private' } : {}),
      );
      const { status, body } = await call(
        here,
        tokens[(done / BATCH) % USERS.length] ?? '',
        '/api/spans',
        spans,
      );
      assert.equal(status, 201, JSON.stringify(body).slice(0, 300));
    }
    const posted = async (name: string, more: object): Promise<SignedSpan> => {
      const { status, body } = await call(here, alice, '/api/spans', note(name, more));
      assert.equal(status, 201, JSON.stringify(body));
      return body.span;
    };
    const code = 'function main(ctx, input) { return 1; }';
    const functions: SignedSpan[] = [];
    for (let count = 0; count < FEW; count += 1) {
      const metadata = { schedule: '0 4 29 2 *' };
      functions.push(await posted(`function ${count}`, { entity_type: 'function', code, metadata }));
      await posted(`contract ${count}`, {
        entity_type: 'contract',
        metadata: { deadline: '2099-01-01T00:00:00Z' },
      });
    }
    await posted('answers pings', {
      entity_type: 'policy',
      code: `function on(span) { return span.entity_type === 'ping' ? [{ type: 'emit', span: { entity_type: 'pong', who: 'policy', this: span.id, visibility: 'tenant' } }] : []; }`,
    });

    const samples: Sample[] = [];
    let isOver = false;
    const other = await token(here, 'zoe', 'other');
    const neighbour = (async () => {
      while (!isOver) {
        const atMs = performance.now();
        const { status } = await call(here, other, '/api/spans', note('of a neighbour'));
        samples.push({ atMs, tookMs: performance.now() - atMs, status });
      }
    })();
    const pings: string[] = [];
    let stoodFromMs = 0;
    const writer = (async () => {
      while (stoodFromMs === 0) {
        const { status, body } = await call(here, alice, '/api/spans', note('ping', { entity_type: 'ping' }));
        if (status === 201) pings.push(body.span.id);
        else {
          assert.equal(status, 503, JSON.stringify(body));
          stoodFromMs = performance.now();
        }
      }
    })();
    await until(
      'pings are answered',
      async () => {
        const { body } = await call(here, alice, '/api/timeline?entity_type=pong&limit=1');
        return body.count > 0;
      },
      90_000,
    );
    const requests: string[] = [];
    for (const { id } of functions) {
      const asked = await call(here, alice, `/api/execute/${id}`, {}, { prefer: 'respond-async' });
      assert.equal(asked.status, 202, JSON.stringify(asked.body));
      requests.push(asked.body.request.id);
    }
    const moved = await posted(there.url, { entity_type: 'moved' });

    const beganMs = performance.now();
    const took: Record<string, number> = {};
    const step = async (name: string, work: () => Promise<unknown>): Promise<void> => {
      const fromMs = performance.now();
      await work();
      took[name] = Math.round(performance.now() - fromMs) / 1000;
    };
    const file = path.join(folders[2] ?? '', 'acme.ndjson.gz');
    await step('freeze', () => command(here, 'freeze', '--tenant', 'acme', '--wait', '300'));
    await writer;
    await step('export', () => command(here, 'export', '--tenant', 'acme', '--out', file));
    await step('freeze there', () => command(there, 'freeze', '--tenant', 'acme'));
    await step('import', () => command(there, 'import', file, '--url', there.url));
    const thereTokens = await Promise.all(USERS.map((user) => token(there, user)));
    const [aliceThere = ''] = thereTokens;
    await step('thaw', () => command(there, 'thaw', '--tenant', 'acme'));
    const first = await call(there, aliceThere, '/api/spans', note('first of the new cell'));
    assert.equal(first.status, 201, JSON.stringify(first.body));
    const stoodMs = performance.now() - stoodFromMs;
    isOver = true;
    await neighbour;
    await step('verify here', () => command(here, 'verify', '--url', here.url, '--token', alice));
    await step('verify there', () => command(there, 'verify', '--url', there.url, '--token', aliceThere));
    await step('verify the file', () => command(there, 'verify', '--file', file));

    // Both ledgers, as each user sees them.
    let count = 0;
    for (const [index, bearer] of tokens.entries()) {
      const old = await feedOf(here, bearer);
      const now = await feedOf(there, thereTokens[index] ?? '');
      // Work goes on in the new cell, so it has more.
      assert.deepEqual(now.slice(0, old.length), old);
      count = Math.max(count, old.length);
      if (index > 0) continue;
      const ids = new Set(now.map(({ id }) => id));
      for (const id of [...pings, moved.id]) assert.ok(ids.has(id), 'an acknowledged span is lost');
    }
    // Open work is done in the new cell, each piece once.
    for (const id of requests) {
      await until(
        'the request is done',
        async () => {
          const { body } = await call(there, aliceThere, `/api/spans/${id}`);
          assert.notEqual(body.span.status, 'error', JSON.stringify(body.span.error));
          return body.span.status === 'complete';
        },
        120_000,
      );
      const runs = await call(there, aliceThere, `/api/timeline?entity_type=execution&related_to=${id}`);
      assert.equal(runs.body.count, 1);
    }
    const pongs = await until(
      'every ping is answered',
      async () => {
        const spans = (await feedOf(there, aliceThere)).filter(({ entity_type }) => entity_type === 'pong');
        return spans.length >= pings.length && spans;
      },
      600_000,
    );
    assert.deepEqual(
      pongs.map((span) => span.this).sort(),
      [...pings].sort(),
      'a ping was answered twice or not',
    );

    // The new log begins with the old one.
    const logOf = async (cell: LocalRun, bearer: string) => {
      const headers = { authorization: `Bearer ${bearer}` };
      const text = await (await fetch(`${cell.url}/api/log/acme/checkpoint`, { headers })).text();
      return parseCheckpoint(parseNote(text).text);
    };
    const old = await logOf(here, alice);
    const now = await until('the new log holds more', async () => {
      const found = await logOf(there, aliceThere);
      return found.size > old.size && found;
    });
    const { body } = await call(
      there,
      aliceThere,
      `/api/log/acme/consistency?from=${old.size}&to=${now.size}`,
    );
    const hashes: Uint8Array[] = body.hashes.map((hash: string) => fromBase64(hash));
    const claim = { from: old.size, fromRoot: old.root, to: now.size, toRoot: now.root };
    assert.ok(verifyConsistency(sha256, claim, hashes), 'the new log does not begin with the old one');

    const during = samples.filter(({ atMs }) => atMs >= beganMs).map(({ tookMs }) => tookMs);
    const before = samples.filter(({ atMs }) => atMs < beganMs).map(({ tookMs }) => tookMs);
    const p = (list: readonly number[], share: number) =>
      Math.round([...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * share)] ?? 0);
    assert.deepEqual(
      samples.filter(({ status }) => status !== 201),
      [],
      'a neighbour was refused',
    );
    process.stdout.write(
      `${JSON.stringify({ spans: count, pings: pings.length, took, stood_s: stoodMs / 1000, neighbour: { before: { requests: before.length, p50: p(before, 0.5), p99: p(before, 0.99) }, during: { requests: during.length, p50: p(during, 0.5), p99: p(during, 0.99) }, refused: 0 } })}\n`,
    );
    await rm(file);
  });
});
