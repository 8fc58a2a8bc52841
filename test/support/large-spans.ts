import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { append } from './api';
import { cleanUp, runCommand, temporaryFolder } from './local-run';

/** Number of spans of 1 MB, by default several pages of 4 MiB. */
const SPANS = Number(process.env.LOGLINE_LARGE_SPANS ?? 12);
const MEGABYTE = 1_000_000;

const noise = () => ({ description: randomBytes(MEGABYTE * 0.735).toString('base64') });

/** Contents that gzip hardly compresses, that JSON escapes to twice the length, and of two bytes a character. */
const CONTENTS: readonly (() => object)[] = [
  noise,
  noise,
  () => ({ description: '"\\'.repeat(MEGABYTE * 0.24) }),
  noise,
  noise,
  () => ({ metadata: { text: 'ü'.repeat(MEGABYTE * 0.49) } }),
];

/** Appends spans of 1 MB over HTTP, and returns their ids. */
export async function appendLargeSpans(url: string, token: string): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < SPANS; index += 1)
    ids.push((await append(url, token, CONTENTS[index % CONTENTS.length]?.())).id);
  return ids;
}

/** Exports a tenant, then asserts that file and ledger verify with every span. */
export async function assertWalked(
  url: string,
  token: string,
  tenant: string,
  ids: readonly string[],
): Promise<void> {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'large.ndjson');
  const logline = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCommand(args);
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };
  try {
    await logline('export', '--tenant', tenant, '--url', url, '--token', token, '--out', file);
    const found = new Set<string>();
    for await (const line of createInterface({ input: createReadStream(file) }))
      found.add(JSON.parse(line).id);
    assert.deepEqual(
      ids.filter((id) => !found.has(id)),
      [],
    );
    for (const args of [
      ['--file', file],
      ['--url', url, '--token', token],
    ]) {
      const report = JSON.parse(await logline('verify', '--json', ...args));
      assert.deepEqual([report.ok, report.logs.spans], [true, ids.length]);
    }
  } finally {
    await cleanUp(folder);
  }
}
