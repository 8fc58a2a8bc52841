import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { SignedSpan } from '../../runtime/base/span';
import { blake3, cryptoReady, hex } from '../../runtime/crypto';
import { append, post } from '../support/api';
import { CommandLedger } from '../support/command-ledger';
import { startKillingFront } from '../support/killing-front';
import { appendLargeSpans, assertWalked } from '../support/large-spans';

describe('logline export', function () {
  this.timeout(120_000);
  let ledger: CommandLedger;

  before(async () => {
    await cryptoReady();
    ledger = await CommandLedger.start();
  });
  after(() => ledger?.stop());

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
    await ledger.appendPeople();
    for (const file of [ledger.file('acme.ndjson'), ledger.file('acme.ndjson.gz')]) {
      assert.match(await ledger.succeed('export', '--tenant', 'acme', '--out', file), /^exported 5 spans /);
      const spans = await spansOf(file);
      assert.deepEqual(names(spans), ['deleted', 'private of alice', 'private of bob', 'tenant of bob']);
      assert.equal(spans[0]?.entity_type, 'instance_key', 'it begins with the key history');
      const digest = JSON.parse(await readFile(`${file}.digest.json`, 'utf8'));
      assert.equal(digest.blake3, hex(blake3(await readFile(file))));
      assert.deepEqual([digest.spans, digest.users, digest.complete], [5, ['alice', 'bob'], true]);
      assert.match(await ledger.succeed('verify', '--file', file), /^OK: 5 spans /m);
    }
  });

  it('takes the log along, so that the file shows by itself that no span of it is missing or another', async () => {
    const file = ledger.file('with-log.ndjson');
    assert.match(
      await ledger.succeed('export', '--tenant', 'acme', '--out', file),
      /^the log of tenant acme with 4 /m,
    );
    const { log } = JSON.parse(await readFile(`${file}.digest.json`, 'utf8'));
    assert.deepEqual([log.size, log.size_before, log.origin.endsWith('/acme')], [4, 4, true]);
    assert.match(
      await ledger.succeed('verify', '--file', file),
      /^OK: the log of tenant acme with 4 positions.* 4 spans /m,
    );
    const vkey = await ledger.succeed('checkpoint', '--vkey', '--tenant', 'acme');
    assert.match(await ledger.succeed('verify', '--file', file, '--vkey', vkey), /your --vkey says$/m);

    // Whoever takes a span out can make the digest fit, and not the signed log.
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const [gone] = lines.splice(-1);
    const { id, seq } = JSON.parse(gone ?? '');
    await writeFile(file, `${lines.join('\n')}\n`);
    const digest = JSON.parse(await readFile(`${file}.digest.json`, 'utf8'));
    const forged = { ...digest, blake3: hex(blake3(await readFile(file))), spans: lines.length };
    await writeFile(`${file}.digest.json`, JSON.stringify(forged));
    const { code, stdout } = await ledger.logline('verify', '--file', file);
    assert.equal(code, 1);
    assert.match(
      stdout,
      new RegExp(`^FAULT span ${id} version ${seq} \\(position \\d of the log.*missing`, 'm'),
    );

    await rm(`${file}.log`, { recursive: true });
    assert.match((await ledger.logline('verify', '--file', file)).stdout, /with-log.ndjson.log is missing/);
  });

  it('exports what these users own, or what is of this time', async () => {
    await ledger.succeed('export', '--tenant', 'acme', '--user', 'bob', '--out', ledger.file('bob.ndjson'));
    assert.deepEqual(names(await spansOf(ledger.file('bob.ndjson'))), ['private of bob', 'tenant of bob']);
    assert.match(
      await ledger.succeed('verify', '--file', ledger.file('bob.ndjson')),
      /^OK: the log of tenant acme .* not in the file/m,
    );
    const since = new Date().toISOString();
    await append(ledger.url, await ledger.token('bob', 'acme'), { name: 'late' });
    await ledger.succeed('export', '--tenant', 'acme', '--since', since, '--out', ledger.file('late.ndjson'));
    assert.deepEqual(names(await spansOf(ledger.file('late.ndjson'))), ['late']);
    const digest = JSON.parse(await readFile(`${ledger.file('late.ndjson')}.digest.json`, 'utf8'));
    assert.equal(digest.complete, false);
  });

  it('exports what a token may read, and verify knows from the digest that versions may be missing', async () => {
    const [alice, carol] = await Promise.all([ledger.token('alice', 'acme'), ledger.token('carol', 'acme')]);
    const hidden = await append(ledger.url, carol, { name: 'hidden' });
    await append(ledger.url, carol, { id: hidden.id, seq: 1, name: 'shared', visibility: 'tenant' });
    const file = ledger.file('alice.ndjson');
    await ledger.succeed('export', '--tenant', 'acme', '--url', ledger.url, '--token', alice, '--out', file);
    const found = names(await spansOf(file));
    assert.ok(
      found.includes('shared') && found.includes('tenant of bob') && found.includes('private of alice'),
    );
    assert.ok(!found.includes('hidden') && !found.includes('private of bob'));
    assert.match(await ledger.succeed('verify', '--file', file), /^1 version could not be seen/m);
  });

  it('walks large spans page by page, and so does verify of the file and of the ledger', async () => {
    const bulky = await ledger.token('alice', 'bulky');
    await assertWalked(ledger.url, bulky, 'bulky', await appendLargeSpans(ledger.url, bulky));
  });

  describe('of many spans', () => {
    const COUNT = 12_000;

    before(async () => {
      const bearer = await ledger.token('many', 'many');
      for (let done = 0; done < COUNT; done += 1000) {
        const spans = Array.from({ length: 1000 }, (_, index) => ({
          entity_type: 'note',
          who: 'many',
          this: 'x'.repeat(600),
          name: String(done + index),
        }));
        const response = await fetch(`${ledger.url}/api/spans`, {
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
        const file = ledger.file(`many-${signal}.ndjson`);
        const front = await startKillingFront(ledger.url);
        try {
          const bearer = await ledger.token('many', 'many', '--scope', 'timeline:read admin');
          const args = ['export', '--tenant', 'many', '--out', file, '--url', front.url, '--token', bearer];
          const command = ledger.start(...args);
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
            !(await readdir(ledger.folder)).includes(path.basename(file)),
            'it is not there before it is whole',
          );

          assert.match(await ledger.succeed(...args), /^continuing behind \d+ spans /);
          const found = (await spansOf(file)).filter(({ entity_type }) => entity_type === 'note');
          assert.equal(found.length, COUNT);
          assert.equal(new Set(found.map(({ name }) => name)).size, COUNT);
          assert.match(await ledger.succeed('verify', '--file', file), /^OK: /m);
          assert.ok(!(await readdir(ledger.folder)).some((name) => name.includes(`${signal}.ndjson.part`)));
        } finally {
          await front.close();
        }
      });
    }
  });

  it('a token of another tenant, which finds nothing, is told so, and leaves nothing behind', async () => {
    const eve = await ledger.token('eve', 'globex');
    const out = ledger.file('e.ndjson');
    const ended = await ledger.logline('export', '--tenant', 'acme', '--token', eve, '--out', out);
    assert.equal(ended.code, 1, ended.stdout + ended.stderr);
    assert.match(ended.stderr, /nothing of tenant acme was found: the token speaks for tenant globex/);
    assert.ok(!(await readdir(ledger.folder)).some((name) => name.startsWith('e.')));
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
      const full = args.map((arg) => (/\.\w+$/.test(arg) ? ledger.file(arg) : arg));
      const ended = await ledger.logline('export', ...full);
      assert.equal(ended.code, code, ended.stdout + ended.stderr);
      assert.match(ended.stderr, message);
      assert.equal(ended.stderr.trim().split('\n').length, 1);
      assert.ok(!(await readdir(ledger.folder)).some((name) => /^n\.|\.part/.test(name)));
    });
  }

  it('takes up an export only with the same options', async () => {
    const file = ledger.file('mixed.ndjson');
    const bearer = await ledger.token('alice', 'acme');
    assert.equal((await post(ledger.url, bearer, {})).status, 400);
    const earlier = {
      plan: { tenant: 'x', source: 'y', users: null },
      request: 'another',
      bytes: 0,
      spans: 0,
      part: 0,
    };
    await writeFile(`${file}.part`, '');
    await writeFile(`${file}.part.json`, JSON.stringify(earlier));
    const { code, stderr } = await ledger.logline('export', '--tenant', 'acme', '--out', file);
    assert.equal(code, 1);
    assert.match(stderr, /belongs to another export; start again with --force/);
    await ledger.succeed('export', '--tenant', 'acme', '--out', file, '--force');
  });
});
