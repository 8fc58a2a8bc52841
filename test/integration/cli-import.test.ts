import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { SignedSpan } from '../../runtime/base/span';
import { cryptoReady, generateSigningKey } from '../../runtime/crypto';
import { append, readFeed } from '../support/api';
import { CommandLedger } from '../support/command-ledger';
import { startKillingFront } from '../support/killing-front';
import { signedSpan } from '../support/spans';
import { until } from '../support/until';

describe('logline import', function () {
  this.timeout(120_000);
  let ledger: CommandLedger;

  before(async () => {
    await cryptoReady();
    ledger = await CommandLedger.start();
    await ledger.appendPeople();
    for (const name of ['acme.ndjson', 'acme.ndjson.gz'])
      await ledger.succeed('export', '--tenant', 'acme', '--out', ledger.file(name));
  });
  after(() => ledger?.stop());

  describe('--dry-run', () => {
    it('passes an export, and says what a ledger holds of it', async () => {
      const file = ledger.file('acme.ndjson.gz');
      assert.match(await ledger.succeed('import', '--dry-run', file), /^OK: 5 spans of 4 entities /m);
      const compared = await ledger.succeed('import', '--dry-run', file, '--url', ledger.url);
      assert.match(compared, /^0 spans are new there, 5 are there already, 0 conflict$/m);
    });

    it('tells new spans, the same spans, and other content under the same version apart', async () => {
      const alice = await ledger.token('alice', 'acme');
      const key = generateSigningKey();
      const stored = await append(ledger.url, alice, { name: 'stored' });
      const mine = { owner_id: 'alice', tenant_id: 'acme' };
      const other = signedSpan({ ...mine, id: stored.id, name: 'other' }, key);
      const next = signedSpan({ ...mine, id: stored.id, seq: 1, prev_hash: stored.curr_hash }, key);
      const astray = signedSpan({ ...mine, id: stored.id, seq: 1, prev_hash: 'ab'.repeat(32) }, key);
      const dryRun = async (spans: readonly SignedSpan[]) => {
        const file = await ledger.write('compare.ndjson', spans);
        const { code, stdout, stderr } = await ledger.logline(
          'import',
          '--dry-run',
          file,
          '--url',
          ledger.url,
          '--json',
        );
        assert.equal(stderr, '');
        return { code, ...JSON.parse(stdout) };
      };
      assert.deepEqual((await dryRun([stored, next])).compared, { added: 1, present: 1, conflicts: 0 });
      // The ledger holds the version before, so the file may begin in the middle.
      assert.equal((await dryRun([next])).code, 0);
      for (const conflicting of [other, astray]) {
        const { code, compared, faults } = await dryRun([conflicting]);
        assert.equal(code, 1);
        assert.equal(compared.conflicts, 1);
        assert.match(faults[0].detail, /^conflict: /);
      }
      const alone = signedSpan({ ...mine, seq: 1, prev_hash: 'ab'.repeat(32) }, key);
      assert.match((await dryRun([alone])).faults[0].detail, /^gap: /);
    });

    for (const { title, change, message } of [
      {
        title: 'a changed value',
        change: (text: string) => text.replace('private of bob', 'private of eve'),
        message: /hash: /,
      },
      {
        title: 'a missing line',
        change: (text: string) => text.replace(/^.*"is_deleted":false.*"private of alice".*\n/m, ''),
        message: /gap: /,
      },
      { title: 'half a line', change: (text: string) => text.slice(0, -40), message: /unreadable: / },
    ]) {
      it(`finds ${title}, and that the file is not the one of the digest`, async () => {
        const file = ledger.file('changed.ndjson');
        const text = await readFile(ledger.file('acme.ndjson'), 'utf8');
        assert.notEqual(change(text), text);
        await writeFile(file, change(text));
        await writeFile(`${file}.digest.json`, await readFile(`${ledger.file('acme.ndjson')}.digest.json`));
        for (const command of [
          ['import', '--dry-run'],
          ['verify', '--file'],
        ]) {
          const { code, stdout } = await ledger.logline(...command, file);
          assert.equal(code, 1, stdout);
          assert.match(stdout, message);
          assert.match(stdout, /^FAULT digest: changed\.ndjson hashes to /m);
        }
      });
    }

    it('finds what the API would refuse although it verifies', async () => {
      const strange = { ...signedSpan({ entity_type: '', metadata: {} }) };
      const members = signedSpan({ ...({ colour: 'red' } as object) });
      const file = await ledger.write('form.ndjson', [strange, members]);
      const { code, stdout } = await ledger.logline('import', '--dry-run', file);
      assert.equal(code, 1);
      assert.match(stdout, /schema: \/entity_type /);
      assert.match(stdout, /schema: \/colour is not a member/);
    });

    it('passes a stored span that is longer than a new one may be', async () => {
      const long = signedSpan({ metadata: { text: 'x'.repeat(1024 * 1024) } });
      const file = await ledger.write('long.ndjson', [long]);
      assert.match(await ledger.succeed('import', '--dry-run', file), /^OK: 1 spans of 1 entities /m);
    });

    it('does nothing without --dry-run or a place to import to, and says so', async () => {
      const { code, stderr } = await ledger.logline('import', ledger.file('acme.ndjson'));
      assert.equal(code, 2);
      assert.match(stderr, /^logline: say where to import to with --url/);
    });
  });

  describe('into another ledger', () => {
    let other: CommandLedger;
    before(async () => {
      other = await CommandLedger.start();
    });
    after(() => other?.stop());

    it('goes an import hash by hash, and no file with a fault', async () => {
      const run = (...more: string[]) =>
        other.logline('import', ledger.file('acme.ndjson.gz'), '--url', other.url, ...more);
      const changed = await other.logline('import', ledger.file('changed.ndjson'), '--url', other.url);
      assert.equal(changed.code, 1);
      assert.match(changed.stdout, /nothing was changed$/m);
      const first = await run();
      assert.equal(first.code, 0, first.stdout + first.stderr);
      assert.match(first.stdout, /^OK: 4 spans of .* hash by hash: 4 new, 0 there before$/m);
      assert.match((await run()).stdout, /: 0 new, 4 there before$/m);
      assert.match(
        (await run('--dry-run')).stdout,
        /^1 spans are new there, 4 are there already, 0 conflict$/m,
      );
      const refused = await run('--token', await ledger.token('alice', 'acme'));
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /api\/import answered 40[13]/);
    });

    it('a file with a bad signature ends before the request that holds it, with its line named, and goes on once mended', async () => {
      const key = generateSigningKey();
      const mine = { owner_id: 'alice', tenant_id: 'forged' };
      const spans = Array.from({ length: 1_200 }, (_, count) =>
        signedSpan({ ...mine, this: `${count}` }, key),
      );
      const bad = spans[700];
      const file = ledger.file('forged.ndjson');
      const write = (lines: readonly unknown[]) => ledger.write('forged.ndjson', lines);
      const run = (...more: string[]) => other.logline('import', file, '--url', other.url, ...more);
      await write(spans.with(700, { ...bad, signature: spans[0]?.signature } as SignedSpan));
      const dry = await run('--dry-run');
      assert.equal(dry.code, 1);
      assert.match(
        dry.stdout,
        /^FAULT span .* \(line 701\) signature: .*\nFAILED: 1 faults .*; nothing was changed$/ms,
      );
      const cut = await run();
      assert.equal(cut.code, 1, cut.stdout + cut.stderr);
      assert.match(
        cut.stdout,
        new RegExp(`^FAULT span ${bad?.id} version 0 \\(line 701\\) signature: `, 'm'),
      );
      assert.match(cut.stdout, /^FAILED: 1 faults .*; the 500 spans before are imported and stay; /m);
      const told = await run('--json');
      assert.equal(told.code, 1);
      const { ok, faults, imported } = JSON.parse(told.stdout);
      assert.deepEqual([ok, faults[0].location, imported], [false, 'line 701', 500]);
      await write(spans);
      const mended = await run();
      assert.equal(mended.code, 0, mended.stdout + mended.stderr);
      assert.match(mended.stdout, /: 700 new, 500 there before$/m);
    });

    it('an import whose spans are not in the ledger in the end says so, and how many', async () => {
      const spans = Array.from({ length: 3 }, () => signedSpan({ tenant_id: 'lost' }));
      const file = await ledger.write('lost.ndjson', spans);
      // A ledger that was restored behind what it answered.
      const front = createServer((request, response) => {
        const answer = async () => {
          const body = await buffer(request);
          const url = `${other.url}${request.url}`;
          const { authorization = '' } = request.headers;
          const headers = { authorization, 'content-type': 'application/json' };
          if (request.url !== '/api/import')
            return fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
          return Response.json({ success: true, count: 3, added: 3, present: 0 }, { status: 201 });
        };
        answer().then(
          async (answered) => response.writeHead(answered.status).end(await answered.text()),
          (error) => response.destroy(error),
        );
      });
      front.listen(0, '127.0.0.1');
      await once(front, 'listening');
      try {
        const { port } = front.address() as AddressInfo;
        const operator = await other.token('system', 'system', '--scope', 'admin');
        const args = ['import', file, '--url', `http://127.0.0.1:${port}`, '--token', operator];
        const { code, stderr } = await other.logline(...args);
        assert.equal(code, 1, stderr);
        assert.match(stderr, /3 spans are not in the ledger after the import/);
      } finally {
        front.closeAllConnections();
        front.close();
      }
    });

    it('goes a whole tenant in the order of its log: the new log has the old root', async () => {
      const users = ['bob', 'alice', 'carol'];
      const tokens = await Promise.all(users.map((user) => ledger.token(user, 'moving')));
      // One after another, so that the owners take turns in the log.
      for (let count = 0; count < 12; count += 1)
        await append(ledger.url, tokens[count % 3] ?? '', { name: `span ${count}` });
      const file = ledger.file('moving.ndjson');
      await ledger.succeed('export', '--tenant', 'moving', '--out', file);
      const { code, stdout, stderr } = await other.logline('import', file, '--url', other.url);
      assert.equal(code, 0, stdout + stderr);
      const checkpoint = async (url: string, bearer: string): Promise<string[]> => {
        const answer = await fetch(`${url}/api/log/moving/checkpoint`, {
          headers: { authorization: `Bearer ${bearer}` },
        });
        return answer.status === 200 ? (await answer.text()).split('\n').slice(1, 3) : [];
      };
      const old = await checkpoint(ledger.url, tokens[0] ?? '');
      assert.equal(old[0], '12');
      const bearer = await other.token('alice', 'moving');
      const moved = await until('the new log is sealed', async () => {
        const found = await checkpoint(other.url, bearer);
        return found[0] === '12' && found;
      });
      assert.deepEqual(moved, old);
    });

    it('takes the work state along when the tenant is frozen on both sides: a repeated request gets its answer', async () => {
      const keyed = async (url: string, bearer: string) => {
        const answer = await fetch(`${url}/api/spans`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${bearer}`,
            'content-type': 'application/json',
            'idempotency-key': 'k',
          },
          body: '{"entity_type":"note","who":"alice","this":"keyed"}',
        });
        return { status: answer.status, body: (await answer.json()) as { span: SignedSpan } };
      };
      const first = await keyed(ledger.url, await ledger.token('alice', 'frozen'));
      assert.equal(first.status, 201);
      const file = ledger.file('frozen.ndjson');
      const workFile = `${file}.work.ndjson`;
      assert.doesNotMatch(await ledger.succeed('export', '--tenant', 'frozen', '--out', file), /work state/);
      await assert.rejects(readFile(workFile), /ENOENT/);
      await ledger.succeed('freeze', '--tenant', 'frozen', '--url', ledger.url);
      assert.match(
        await ledger.succeed('export', '--tenant', 'frozen', '--out', file, '--force'),
        /^its work state is in .*frozen\.ndjson\.work\.ndjson; it holds secrets/m,
      );
      const work = await readFile(workFile, 'utf8');
      const open = await other.succeed('import', file, '--url', other.url);
      assert.match(open, /^the work state stays in .*: tenant frozen is not frozen there/m);
      await other.succeed('freeze', '--tenant', 'frozen');
      await writeFile(workFile, work.replace('"attempt"', '"attempts"').replace('"k"', '"l"'));
      const changed = await other.logline('import', file, '--url', other.url);
      assert.equal(changed.code, 1, changed.stdout);
      assert.match(changed.stderr, /is not the one that the digest tells of/);
      await writeFile(workFile, work);
      for (let time = 0; time < 2; time += 1)
        assert.match(
          await other.succeed('import', file, '--url', other.url),
          /^the work state of tenant frozen is there: 2 rows$/m,
        );
      const thawed = await other.succeed('thaw', '--tenant', 'frozen', '--url', other.url);
      assert.match(thawed, /^tenant frozen writes again/);
      const again = await keyed(other.url, await other.token('alice', 'frozen'));
      assert.deepEqual([again.status, again.body.span], [200, first.body.span]);
    });

    it('an import that is killed at any step goes on: nothing is lost, twice there or in another order', async () => {
      const key = generateSigningKey();
      const spans = Array.from({ length: 2_000 }, (_, count) =>
        signedSpan(
          {
            tenant_id: 'killed',
            owner_id: count % 2 ? 'alice' : 'bob',
            visibility: 'tenant',
            this: `${count}`,
          },
          key,
        ),
      );
      const file = await ledger.write('killed.ndjson', spans);
      const operator = await other.token('system', 'system', '--scope', 'admin');
      const front = await startKillingFront(other.url);
      try {
        const args = ['import', file, '--url', front.url, '--token', operator];
        // 4 requests write the spans and 4 compare them; of those the last is not killed behind its answer.
        for (const moment of ['before', 'during', 'after'] as const) {
          const number = 1 + Math.floor(Math.random() * 4);
          const path = Math.random() < 0.5 || number === 4 ? '/api/import' : '/api/import/compare';
          const command = other.start(...args);
          front.killAt({ path, number, moment }, command.child);
          const { signal, stdout, stderr } = await command.ended;
          assert.equal(signal, 'SIGKILL', `${moment} ${path} ${number}: ${stdout}${stderr}`);
        }
        const { code, stdout, stderr } = await other.logline(...args);
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /^OK: 2000 spans /m);
      } finally {
        await front.close();
      }
      const bearer = await other.token('alice', 'killed');
      const ids: string[] = [];
      for (let cursor: string | undefined; ids.length === 0 || cursor !== undefined; ) {
        const page = await readFeed(other.url, bearer, cursor);
        ids.push(...page.spans.flatMap(({ id, tenant_id }) => (tenant_id === 'killed' ? [id] : [])));
        cursor = page.spans.length === 0 ? undefined : page.cursor;
      }
      assert.deepEqual(
        ids,
        spans.map(({ id }) => id),
      );
      const verified = await other.logline('verify', '--url', other.url, '--token', bearer);
      assert.equal(verified.code, 0, verified.stdout + verified.stderr);
      assert.match(verified.stdout, /^OK: the log of tenant killed with 2000 .* 2000 spans /m);
    });
  });
});
