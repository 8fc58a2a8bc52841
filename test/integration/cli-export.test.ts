import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import type { SignedSpan } from '../../runtime/base/span';
import { blake3, cryptoReady, generateSigningKey, hex } from '../../runtime/crypto';
import { append, post, readFeed } from '../support/api';
import { startKillingFront } from '../support/killing-front';
import { appendLargeSpans, assertWalked } from '../support/large-spans';
import {
  cleanUp,
  type Ended,
  type LocalRun,
  runCommand,
  startCommand,
  startLocalRun,
  temporaryFolder,
} from '../support/local-run';
import { signedSpan } from '../support/spans';
import { until } from '../support/until';

describe('export and import --dry-run', function () {
  this.timeout(120_000);
  let data: string;
  let folder: string;
  let local: LocalRun;

  before(async () => {
    await cryptoReady();
    data = await temporaryFolder();
    folder = await temporaryFolder();
    local = await startLocalRun(data);
  });

  after(async () => {
    await local.stop();
    await cleanUp(data);
    await cleanUp(folder);
  });

  function logline(...args: string[]): Promise<Ended> {
    return runCommand(args, { env: { LOGLINE_DATA: data } });
  }

  async function succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await logline(...args);
    assert.equal(code, 0, stdout + stderr);
    assert.equal(stderr, '');
    return stdout;
  }

  async function token(user: string, tenant: string): Promise<string> {
    return (await succeed('token', '--user', user, '--tenant', tenant)).trim();
  }

  function out(name: string): string {
    return path.join(folder, name);
  }

  async function spansOf(file: string): Promise<SignedSpan[]> {
    const bytes = await readFile(file);
    const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
    assert.ok(text.endsWith('\n'));
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  function names(spans: readonly SignedSpan[]): string[] {
    return spans.flatMap(({ name, entity_type }) => (entity_type === 'note' ? [name ?? ''] : [])).sort();
  }

  it('exports every span of the tenant, of every user and privacy, and nothing of another', async () => {
    const [alice, bob, eve] = await Promise.all([
      token('alice', 'acme'),
      token('bob', 'acme'),
      token('alice', 'other'),
    ]);
    const first = await append(local.url, alice, { name: 'private of alice' });
    await append(local.url, alice, { id: first.id, seq: 1, name: 'deleted', is_deleted: true });
    await append(local.url, bob, { name: 'private of bob' });
    await append(local.url, bob, { name: 'tenant of bob', visibility: 'tenant' });
    await append(local.url, eve, { name: 'public of another tenant', visibility: 'public' });

    for (const file of [out('acme.ndjson'), out('acme.ndjson.gz')]) {
      assert.match(await succeed('export', '--tenant', 'acme', '--out', file), /^exported 5 spans /);
      const spans = await spansOf(file);
      assert.deepEqual(names(spans), ['deleted', 'private of alice', 'private of bob', 'tenant of bob']);
      assert.equal(spans[0]?.entity_type, 'instance_key', 'it begins with the key history');
      const digest = JSON.parse(await readFile(`${file}.digest.json`, 'utf8'));
      assert.equal(digest.blake3, hex(blake3(await readFile(file))));
      assert.deepEqual([digest.spans, digest.users, digest.complete], [5, ['alice', 'bob'], true]);
      assert.match(await succeed('verify', '--file', file), /^OK: 5 spans /m);
    }
  });

  it('takes the log along, so that the file shows by itself that no span of it is missing or another', async () => {
    const file = out('with-log.ndjson');
    assert.match(
      await succeed('export', '--tenant', 'acme', '--out', file),
      /^the log of tenant acme with 4 /m,
    );
    const { log } = JSON.parse(await readFile(`${file}.digest.json`, 'utf8'));
    assert.deepEqual([log.size, log.size_before, log.origin.endsWith('/acme')], [4, 4, true]);
    assert.match(
      await succeed('verify', '--file', file),
      /^OK: the log of tenant acme with 4 positions.* 4 spans /m,
    );
    const vkey = await succeed('checkpoint', '--vkey', '--tenant', 'acme');
    assert.match(await succeed('verify', '--file', file, '--vkey', vkey), /your --vkey says$/m);

    // Whoever takes a span out can make the digest fit, and not the signed log.
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const [gone] = lines.splice(-1);
    const { id, seq } = JSON.parse(gone ?? '');
    await writeFile(file, `${lines.join('\n')}\n`);
    const digest = JSON.parse(await readFile(`${file}.digest.json`, 'utf8'));
    const forged = { ...digest, blake3: hex(blake3(await readFile(file))), spans: lines.length };
    await writeFile(`${file}.digest.json`, JSON.stringify(forged));
    const { code, stdout } = await logline('verify', '--file', file);
    assert.equal(code, 1);
    assert.match(
      stdout,
      new RegExp(`^FAULT span ${id} version ${seq} \\(position \\d of the log.*missing`, 'm'),
    );

    await rm(`${file}.log`, { recursive: true });
    assert.match((await logline('verify', '--file', file)).stdout, /with-log.ndjson.log is missing/);
  });

  it('exports what these users own, or what is of this time', async () => {
    await succeed('export', '--tenant', 'acme', '--user', 'bob', '--out', out('bob.ndjson'));
    assert.deepEqual(names(await spansOf(out('bob.ndjson'))), ['private of bob', 'tenant of bob']);
    assert.match(
      await succeed('verify', '--file', out('bob.ndjson')),
      /^OK: the log of tenant acme .* not in the file/m,
    );
    const since = new Date().toISOString();
    await append(local.url, await token('bob', 'acme'), { name: 'late' });
    await succeed('export', '--tenant', 'acme', '--since', since, '--out', out('late.ndjson'));
    assert.deepEqual(names(await spansOf(out('late.ndjson'))), ['late']);
    const digest = JSON.parse(await readFile(`${out('late.ndjson')}.digest.json`, 'utf8'));
    assert.equal(digest.complete, false);
  });

  it('exports what a token may read, and verify knows from the digest that versions may be missing', async () => {
    const [alice, carol] = await Promise.all([token('alice', 'acme'), token('carol', 'acme')]);
    const hidden = await append(local.url, carol, { name: 'hidden' });
    await append(local.url, carol, { id: hidden.id, seq: 1, name: 'shared', visibility: 'tenant' });
    const file = out('alice.ndjson');
    await succeed('export', '--tenant', 'acme', '--url', local.url, '--token', alice, '--out', file);
    const found = names(await spansOf(file));
    assert.ok(
      found.includes('shared') && found.includes('tenant of bob') && found.includes('private of alice'),
    );
    assert.ok(!found.includes('hidden') && !found.includes('private of bob'));
    assert.match(await succeed('verify', '--file', file), /^1 version could not be seen/m);
  });

  it('walks large spans page by page, and so does verify of the file and of the ledger', async () => {
    const bulky = await token('alice', 'bulky');
    await assertWalked(local.url, bulky, 'bulky', await appendLargeSpans(local.url, bulky));
  });

  describe('of many spans', () => {
    const COUNT = 12_000;

    before(async () => {
      const bearer = await token('many', 'many');
      for (let done = 0; done < COUNT; done += 1000) {
        const spans = Array.from({ length: 1000 }, (_, index) => ({
          entity_type: 'note',
          who: 'many',
          this: 'x'.repeat(600),
          name: String(done + index),
        }));
        const response = await fetch(`${local.url}/api/spans`, {
          method: 'POST',
          headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
          body: JSON.stringify(spans),
        });
        assert.equal(response.status, 201, await response.text());
      }
    });

    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGKILL', null],
    ] as const) {
      it(`goes on where ${signal} interrupted it, and loses and repeats nothing`, async () => {
        const file = out(`many-${signal}.ndjson`);
        const front = await startKillingFront(local.url);
        try {
          const bearer = (
            await succeed('token', '--user', 'many', '--tenant', 'many', '--scope', 'timeline:read admin')
          ).trim();
          const args = ['export', '--tenant', 'many', '--out', file, '--url', front.url, '--token', bearer];
          const command = startCommand(args, { env: { LOGLINE_DATA: data } });
          // 30 pages of 200 spans are more than the 4 MiB after which a part is safe, and half of all.
          front.killAt({ path: '/api/timeline', number: 30, moment: 'during' }, command.child, signal);
          const ended = await command.ended;
          assert.equal(ended.code, code, ended.stderr);
          if (signal === 'SIGINT') {
            assert.match(
              ended.stderr,
              /^logline: interrupted; \d+ spans are in .*; the same command goes on/,
            );
            assert.match(await readFile(`${file}.part`, 'utf8'), /\}\n$/);
          }
          assert.ok(
            !(await readdir(folder)).includes(path.basename(file)),
            'it is not there before it is whole',
          );

          assert.match(await succeed(...args), /^continuing behind \d+ spans /);
          const found = (await spansOf(file)).filter(({ entity_type }) => entity_type === 'note');
          assert.equal(found.length, COUNT);
          assert.equal(new Set(found.map(({ name }) => name)).size, COUNT);
          assert.match(await succeed('verify', '--file', file), /^OK: /m);
          assert.ok(!(await readdir(folder)).some((name) => name.includes(`${signal}.ndjson.part`)));
        } finally {
          await front.close();
        }
      });
    }
  });

  it('a token of another tenant, which finds nothing, is told so, and leaves nothing behind', async () => {
    const token = (await succeed('token', '--user', 'eve', '--tenant', 'globex')).trim();
    const ended = await logline('export', '--tenant', 'acme', '--token', token, '--out', out('e.ndjson'));
    assert.equal(ended.code, 1, ended.stdout + ended.stderr);
    assert.match(ended.stderr, /nothing of tenant acme was found: the token speaks for tenant globex/);
    assert.ok(!(await readdir(folder)).some((name) => name.startsWith('e.')));
  });

  for (const { title, args, code, message } of [
    {
      title: 'a file that is there',
      args: ['--tenant', 'acme', '--out', 'acme.ndjson'],
      code: 1,
      message: /is there already.*--force/,
    },
    {
      title: 'a name of another kind',
      args: ['--tenant', 'acme', '--out', 'acme.csv'],
      code: 2,
      message: /must end in \.ndjson/,
    },
    {
      title: 'a tenant without spans',
      args: ['--tenant', 'nobody', '--out', 'n.ndjson'],
      code: 1,
      message: /nobody owns a span in tenant nobody/,
    },
    {
      title: 'a moment that is none',
      args: ['--tenant', 'acme', '--since', 'soon', '--out', 'n.ndjson'],
      code: 2,
      message: /--since must be/,
    },
    {
      title: 'a token that is none',
      args: ['--tenant', 'acme', '--token', 'abc', '--out', 'n.ndjson'],
      code: 1,
      message: /answered 401/,
    },
    {
      title: 'a user beside a token',
      args: ['--tenant', 'acme', '--token', 'abc', '--user', 'bob', '--out', 'n.ndjson'],
      code: 2,
      message: /either --user or a token/,
    },
    {
      title: 'a folder that does not exist',
      args: ['--tenant', 'acme', '--out', 'no/such/n.ndjson'],
      code: 1,
      message: /cannot write .*ENOENT/,
    },
  ]) {
    it(`refuses ${title} in one line and leaves nothing behind`, async () => {
      const full = args.map((arg) => (/\.\w+$/.test(arg) ? out(arg) : arg));
      const ended = await logline('export', ...full);
      assert.equal(ended.code, code, ended.stdout + ended.stderr);
      assert.match(ended.stderr, message);
      assert.equal(ended.stderr.trim().split('\n').length, 1);
      assert.ok(!(await readdir(folder)).some((name) => /^n\.|\.part/.test(name)));
    });
  }

  describe('import --dry-run', () => {
    it('passes an export, and says what a ledger holds of it', async () => {
      const file = out('acme.ndjson.gz');
      assert.match(await succeed('import', '--dry-run', file), /^OK: 5 spans of 4 entities /m);
      const compared = await succeed('import', '--dry-run', file, '--url', local.url);
      assert.match(compared, /^0 spans are new there, 5 are there already, 0 conflict$/m);
    });

    it('tells new spans, the same spans, and other content under the same version apart', async () => {
      const alice = await token('alice', 'acme');
      const key = generateSigningKey();
      const stored = await append(local.url, alice, { name: 'stored' });
      const mine = { owner_id: 'alice', tenant_id: 'acme' };
      const other = signedSpan({ ...mine, id: stored.id, name: 'other' }, key);
      const next = signedSpan({ ...mine, id: stored.id, seq: 1, prev_hash: stored.curr_hash }, key);
      const astray = signedSpan({ ...mine, id: stored.id, seq: 1, prev_hash: 'ab'.repeat(32) }, key);
      const dryRun = async (spans: readonly SignedSpan[]) => {
        const file = out('compare.ndjson');
        await writeFile(file, spans.map((span) => `${JSON.stringify(span)}\n`).join(''));
        const { code, stdout, stderr } = await logline(
          'import',
          '--dry-run',
          file,
          '--url',
          local.url,
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
        const file = out('changed.ndjson');
        const text = await readFile(out('acme.ndjson'), 'utf8');
        assert.notEqual(change(text), text);
        await writeFile(file, change(text));
        await writeFile(`${file}.digest.json`, await readFile(`${out('acme.ndjson')}.digest.json`));
        for (const command of [
          ['import', '--dry-run'],
          ['verify', '--file'],
        ]) {
          const { code, stdout } = await logline(...command, file);
          assert.equal(code, 1, stdout);
          assert.match(stdout, message);
          assert.match(stdout, /^FAULT digest: changed\.ndjson hashes to /m);
        }
      });
    }

    it('finds what the API would refuse although it verifies', async () => {
      const file = out('form.ndjson');
      const strange = { ...signedSpan({ entity_type: '', metadata: {} }) };
      const members = signedSpan({ ...({ colour: 'red' } as object) });
      await writeFile(file, `${JSON.stringify(strange)}\n${JSON.stringify(members)}\n`);
      const { code, stdout } = await logline('import', '--dry-run', file);
      assert.equal(code, 1);
      assert.match(stdout, /schema: \/entity_type /);
      assert.match(stdout, /schema: \/colour is not a member/);
    });

    it('passes a stored span that is longer than a new one may be', async () => {
      const file = out('long.ndjson');
      const long = signedSpan({ metadata: { text: 'x'.repeat(1024 * 1024) } });
      await writeFile(file, `${JSON.stringify(long)}\n`);
      assert.match(await succeed('import', '--dry-run', file), /^OK: 1 spans of 1 entities /m);
    });

    it('does nothing without --dry-run or a place to import to, and says so', async () => {
      const { code, stderr } = await logline('import', out('acme.ndjson'));
      assert.equal(code, 2);
      assert.match(stderr, /^logline: say where to import to with --url/);
    });
  });

  describe('into another ledger', () => {
    let elsewhere: string;
    let other: LocalRun;
    before(async () => {
      elsewhere = await temporaryFolder();
      other = await startLocalRun(elsewhere);
    });
    after(async () => {
      await other.stop();
      await cleanUp(elsewhere);
    });
    const there = (...args: string[]) => runCommand(args, { env: { LOGLINE_DATA: elsewhere } });
    const tokenThere = async (user: string, tenant: string, ...more: string[]): Promise<string> =>
      (await there('token', '--user', user, '--tenant', tenant, ...more)).stdout.trim();

    it('goes an import hash by hash, and no file with a fault', async () => {
      const run = (...more: string[]) => there('import', out('acme.ndjson.gz'), '--url', other.url, ...more);
      const changed = await there('import', out('changed.ndjson'), '--url', other.url);
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
      const refused = await run('--token', await token('alice', 'acme'));
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
      const file = out('forged.ndjson');
      const write = (lines: readonly unknown[]) =>
        writeFile(file, lines.map((span) => `${JSON.stringify(span)}\n`).join(''));
      const run = (...more: string[]) => there('import', file, '--url', other.url, ...more);
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
      const { ok, faults } = JSON.parse(told.stdout);
      assert.deepEqual([ok, faults[0].location], [false, 'line 701']);
      await write(spans);
      const mended = await run();
      assert.equal(mended.code, 0, mended.stdout + mended.stderr);
      assert.match(mended.stdout, /: 700 new, 500 there before$/m);
    });

    it('an import whose spans are not in the ledger in the end says so, and how many', async () => {
      const file = out('lost.ndjson');
      const spans = Array.from({ length: 3 }, () => signedSpan({ tenant_id: 'lost' }));
      await writeFile(file, spans.map((span) => `${JSON.stringify(span)}\n`).join(''));
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
        const token = await tokenThere('system', 'system', '--scope', 'admin');
        const args = ['import', file, '--url', `http://127.0.0.1:${port}`, '--token', token];
        const { code, stderr } = await there(...args);
        assert.equal(code, 1, stderr);
        assert.match(stderr, /3 spans are not in the ledger after the import/);
      } finally {
        front.closeAllConnections();
        front.close();
      }
    });

    it('goes a whole tenant in the order of its log: the new log has the old root', async () => {
      const users = ['bob', 'alice', 'carol'];
      const tokens = await Promise.all(users.map((user) => token(user, 'moving')));
      // One after another, so that the owners take turns in the log.
      for (let count = 0; count < 12; count += 1)
        await append(local.url, tokens[count % 3] ?? '', { name: `span ${count}` });
      const file = out('moving.ndjson');
      await succeed('export', '--tenant', 'moving', '--out', file);
      const { code, stdout, stderr } = await there('import', file, '--url', other.url);
      assert.equal(code, 0, stdout + stderr);
      const checkpoint = async (url: string, bearer: string): Promise<string[]> => {
        const answer = await fetch(`${url}/api/log/moving/checkpoint`, {
          headers: { authorization: `Bearer ${bearer}` },
        });
        return answer.status === 200 ? (await answer.text()).split('\n').slice(1, 3) : [];
      };
      const old = await checkpoint(local.url, tokens[0] ?? '');
      assert.equal(old[0], '12');
      const bearer = await tokenThere('alice', 'moving');
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
      const first = await keyed(local.url, await token('alice', 'frozen'));
      assert.equal(first.status, 201);
      const file = out('frozen.ndjson');
      const workFile = `${file}.work.ndjson`;
      assert.doesNotMatch(await succeed('export', '--tenant', 'frozen', '--out', file), /work state/);
      await assert.rejects(readFile(workFile), /ENOENT/);
      await succeed('freeze', '--tenant', 'frozen', '--url', local.url);
      assert.match(
        await succeed('export', '--tenant', 'frozen', '--out', file, '--force'),
        /^its work state is in .*frozen\.ndjson\.work\.ndjson; it holds secrets/m,
      );
      const succeedThere = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await there(...args);
        assert.equal(code, 0, stdout + stderr);
        return stdout;
      };
      const work = await readFile(workFile, 'utf8');
      const open = await succeedThere('import', file, '--url', other.url);
      assert.match(open, /^the work state stays in .*: tenant frozen is not frozen there/m);
      await succeedThere('freeze', '--tenant', 'frozen');
      await writeFile(workFile, work.replace('"attempt"', '"attempts"').replace('"k"', '"l"'));
      const changed = await there('import', file, '--url', other.url);
      assert.equal(changed.code, 1, changed.stdout);
      assert.match(changed.stderr, /is not the one that the digest tells of/);
      await writeFile(workFile, work);
      for (let time = 0; time < 2; time += 1)
        assert.match(
          await succeedThere('import', file, '--url', other.url),
          /^the work state of tenant frozen is there: 2 rows$/m,
        );
      const thawed = await succeedThere('thaw', '--tenant', 'frozen', '--url', other.url);
      assert.match(thawed, /^tenant frozen writes again/);
      const again = await keyed(other.url, await tokenThere('alice', 'frozen'));
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
      const file = out('killed.ndjson');
      await writeFile(file, spans.map((span) => `${JSON.stringify(span)}\n`).join(''));
      const operator = await tokenThere('system', 'system', '--scope', 'admin');
      const front = await startKillingFront(other.url);
      try {
        const args = ['import', file, '--url', front.url, '--token', operator];
        const env = { LOGLINE_DATA: elsewhere };
        // 4 requests write the spans and 4 compare them; of those the last is not killed behind its answer.
        for (const moment of ['before', 'during', 'after'] as const) {
          const number = 1 + Math.floor(Math.random() * 4);
          const path = Math.random() < 0.5 || number === 4 ? '/api/import' : '/api/import/compare';
          const command = startCommand(args, { env });
          front.killAt({ path, number, moment }, command.child);
          const { signal, stdout, stderr } = await command.ended;
          assert.equal(signal, 'SIGKILL', `${moment} ${path} ${number}: ${stdout}${stderr}`);
        }
        const { code, stdout, stderr } = await runCommand(args, { env });
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /^OK: 2000 spans /m);
      } finally {
        await front.close();
      }
      const bearer = await tokenThere('alice', 'killed');
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
      const verified = await there('verify', '--url', other.url, '--token', bearer);
      assert.equal(verified.code, 0, verified.stdout + verified.stderr);
      assert.match(verified.stdout, /^OK: the log of tenant killed with 2000 .* 2000 spans /m);
    });
  });

  it('takes up an export only with the same options', async () => {
    const file = out('mixed.ndjson');
    const bearer = await token('alice', 'acme');
    assert.equal((await post(local.url, bearer, {})).status, 400);
    const earlier = {
      plan: { tenant: 'x', source: 'y', users: null },
      request: 'another',
      bytes: 0,
      spans: 0,
      part: 0,
    };
    await writeFile(`${file}.part`, '');
    await writeFile(`${file}.part.json`, JSON.stringify(earlier));
    const { code, stderr } = await logline('export', '--tenant', 'acme', '--out', file);
    assert.equal(code, 1);
    assert.match(stderr, /belongs to another export; begin anew with --force/);
    await succeed('export', '--tenant', 'acme', '--out', file, '--force');
  });
});
