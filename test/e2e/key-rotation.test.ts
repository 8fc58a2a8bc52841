import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { cryptoReady, signingKeyFromHex } from '../../runtime/crypto';
import { append, post, readFeed } from '../support/api';
import {
  cleanUp,
  type Ended,
  type LocalRun,
  runCommand,
  startLocalRun,
  temporaryFolder,
} from '../support/local-run';
import { signedSpan } from '../support/spans';
import { until } from '../support/until';

interface ShownKeys {
  readonly public_key: string;
  readonly history: {
    readonly public_key: string;
    readonly status: string;
    readonly introduced_by: string | null;
  }[];
}

describe('rotation of the instance key', function () {
  this.timeout(120_000);
  let data: string;
  let local: LocalRun;
  /** A feed cursor, encrypted under the first key. */
  let firstCursor: string;

  before(async () => {
    await cryptoReady();
    data = await temporaryFolder();
    local = await startLocalRun(data);
  });

  after(() => cleanUp(data));

  async function logline(...args: string[]): Promise<Ended> {
    return runCommand(args, { env: { LOGLINE_DATA: data } });
  }

  async function succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await logline(...args);
    assert.equal(code, 0, stdout + stderr);
    assert.equal(stderr, '');
    return stdout;
  }

  async function shownKeys(): Promise<ShownKeys> {
    return JSON.parse(await succeed('keys', 'show', '--json'));
  }

  async function token(): Promise<string> {
    return (await succeed('token', '--user', 'dev', '--tenant', 'dev')).trim();
  }

  async function execute(bearer: string): Promise<number> {
    const fn = await append(local.url, bearer, {
      entity_type: 'function',
      language: 'javascript',
      code: 'function main() { return 42; }',
    });
    const { status } = await fetch(`${local.url}/api/execute/${fn.id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}` },
    });
    return status;
  }

  it('under load fails no request, and verify follows it, live and in the feed', async () => {
    const firstKey = (await shownKeys()).public_key;
    const before = await append(local.url, local.token);
    firstCursor = (await readFeed(local.url, local.token)).cursor;
    const refused: unknown[] = [];
    const signers = new Set<string>();
    let isDone = false;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let number = 0; !isDone; number += 1) {
        try {
          const response = await post(local.url, local.token, {
            entity_type: 'note',
            who: `writer ${writer}`,
            this: `thing ${number}`,
          });
          const { span } = (await response.json()) as { span?: { public_key: string } };
          if (span === undefined) refused.push(response.status);
          else signers.add(span.public_key);
        } catch (error) {
          refused.push(error);
        }
      }
    });
    await until('the first key has signed', () => signers.has(firstKey));

    for (let count = 2; count <= 3; count += 1) {
      await succeed('keys', 'rotate');
      // The command returns once the running ledger uses the new key.
      const { public_key } = await append(local.url, await token());
      assert.equal(public_key, (await shownKeys()).public_key);
      await until(`${count} keys have signed`, () => signers.size === count);
    }
    isDone = true;
    await Promise.all(writers);
    assert.deepEqual(refused, []);

    const { history } = await shownKeys();
    assert.deepEqual(
      history.map(({ status, introduced_by }) => [status, introduced_by]),
      [
        ['retired', null],
        ['retired', history[0]?.public_key],
        ['active', history[1]?.public_key],
      ],
    );
    const page = await readFeed(local.url, local.token, firstCursor);
    assert.equal(page.status, 200, 'a cursor from before the rotation');
    assert.ok(!page.spans.some(({ id }) => id === before.id));
    assert.equal(new Set(page.spans.map((span) => span.public_key)).size >= 2, true);
    assert.equal(
      await execute(local.token),
      200,
      'a token from before, and kernels that the first key signed',
    );

    assert.match(await succeed('verify'), /^OK: /m);
    assert.match(await succeed('verify', '--key', firstKey), /^OK: /m);
  });

  it('can be verified from an export alone, starting from any trusted key', async () => {
    const file = path.join(data, 'rotated.ndjson');
    await succeed('export', '--tenant', 'dev', '--out', file);
    const { history } = await shownKeys();
    for (const { public_key } of history) {
      assert.match(await succeed('verify', '--file', file, '--key', public_key), /^OK: /m);
    }
    const strange = await logline('verify', '--file', file, '--key', 'ab'.repeat(32));
    assert.equal(strange.code, 1);
    assert.match(strange.stdout, /untrusted: /);
  });

  it('can be revoked: tokens of the key end, cursors and kernels continue, and verify reports what it signed', async () => {
    const [first] = (await shownKeys()).history;
    assert.ok(first);
    const { earlier_signing_keys } = JSON.parse(await readFile(path.join(data, 'keys.json'), 'utf8'));
    const stolen = signingKeyFromHex(
      earlier_signing_keys.find((key: { public_key_hex: string }) => key.public_key_hex === first.public_key)
        .seed_hex,
    );
    assert.equal((await post(local.url, local.token, {})).status, 400, 'the token still works');

    await succeed('keys', 'revoke', '--public-key', first.public_key, '--reason', 'stolen');
    assert.equal((await post(local.url, local.token, {})).status, 401);
    const fresh = await token();
    assert.equal((await readFeed(local.url, fresh, firstCursor)).status, 200);
    assert.equal(await execute(fresh), 200);
    assert.match(await succeed('verify'), /^signed by a revoked key, .*: \d+ spans, 0 of them since then$/m);

    const forged = signedSpan({ owner_id: 'dev', tenant_id: 'dev', at: new Date().toISOString() }, stolen);
    assert.equal((await post(local.url, fresh, forged)).status, 201);
    const verified = await logline('verify');
    assert.equal(verified.code, 1);
    assert.match(
      verified.stdout,
      new RegExp(`^FAULT span ${forged.id} .*revoked: signed by a revoked key`, 'm'),
    );
    assert.match(verified.stdout, /^FAILED: 1 fault /m);
  });

  it('holds over a restart', async () => {
    await local.stop();
    const revokedToken = local.token;
    local = await startLocalRun(data);
    assert.equal((await post(local.url, revokedToken, {})).status, 401);
    assert.equal(await execute(local.token), 200);
    assert.deepEqual(
      (await shownKeys()).history.map(({ status }) => status),
      ['revoked', 'retired', 'active'],
    );
    await local.stop();
  });
});
