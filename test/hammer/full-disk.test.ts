import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { systemErrorCode } from '../../local/operator-error';
import { cleanUp, type LocalRun, startLocalRun, temporaryFolder } from '../support/local-run';
import { until } from '../support/until';
import { type ApiCalls, apiCalls } from './api-calls';
import { assertKept, followFeed, postWhile, type Sent, settle } from './posting';

/** How often the disk fills up; more in `npm run hammer`. */
const ROUNDS = Number(process.env.LOGLINE_HAMMER_ROUNDS ?? 1);
const CLIENTS = 4;
/** Room for a new database and some write-ahead log. */
const DISK_MIB = 320;
const CHUNK_BYTES = 2 ** 20;
const PATIENCE_MS = 60_000;

const run = promisify(execFile);

describe('a local run whose disk is full', function () {
  this.timeout(120_000 + ROUNDS * 120_000);
  let data: string;
  let isMounted = false;
  let local: LocalRun | undefined;
  before(async function () {
    data = await temporaryFolder();
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m,mode=0755`, 'tmpfs', data]);
      isMounted = true;
    } catch (error) {
      console.log(`      needs a tmpfs, which cannot be mounted here: ${String(error).split('\n').at(-2)}`);
      this.skip();
    }
    local = await startLocalRun(data);
  });
  after(async () => {
    await local?.stop();
    if (isMounted) await run('umount', ['--lazy', data]);
    await cleanUp(data);
  });

  const filler = (): string => path.join(data, 'filler');

  /** Writes a file until nothing fits any more, and again into what others give back. */
  async function fill(): Promise<void> {
    const file = await open(filler(), 'a');
    try {
      for (let bytes = CHUNK_BYTES; bytes >= 1; ) {
        try {
          const { bytesWritten } = await file.write(Buffer.alloc(bytes, 'x'));
          if (bytesWritten < bytes) bytes = Math.floor(bytes / 2);
        } catch (error) {
          if (systemErrorCode(error) !== 'ENOSPC') throw error;
          bytes = Math.floor(bytes / 2);
        }
      }
    } finally {
      await file.close();
    }
  }

  it('keeps every 2xx once with its content and no 4xx, reads go on, and appends do once there is room', async () => {
    assert.ok(local);
    const { url, token } = local;
    const calls: ApiCalls = apiCalls({ postTo: url, readFrom: url, token });
    const log: Sent[] = [];
    let isOver = false;
    let isSettled = false;
    const following = followFeed(calls.read, () => isSettled);
    const posting = Promise.all(
      Array.from({ length: CLIENTS }, () => postWhile(() => !isOver, calls.post, log)),
    );
    const count = (status: number | undefined) => log.filter((sent) => sent.status === status).length;
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        const before = count(201);
        await until('the ledger appends', () => count(201) > before + 20, PATIENCE_MS);
        // Requests under way are unknown, too.
        const unknown = count(undefined) + CLIENTS;
        await until(
          'appends fail',
          async () => {
            await fill();
            return count(undefined) > unknown;
          },
          PATIENCE_MS,
        );
        await until(
          'reads go on',
          async () => (await calls.call(`${url}/api/timeline`))?.status === 200,
          PATIENCE_MS,
        );
        await rm(filler());
        const full = count(201);
        await until('the ledger appends again', () => count(201) > full, PATIENCE_MS);
      }
    } finally {
      isOver = true;
    }
    await posting;
    await settle(log, calls.post);
    isSettled = true;
    const seen = await following;
    assertKept(log, await followFeed(calls.read, () => true), seen);
  });
});
