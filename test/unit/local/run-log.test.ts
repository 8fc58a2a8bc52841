import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openRunLog } from '../../../local/run-log';
import { until } from '../../support/until';

describe('log of a run', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'logline-log-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is rotated during the run with five older files, and a second process follows', async () => {
    const file = path.join(folder, 'logline.log');
    const fail = (message: string): void => assert.fail(message);
    const options = { maxBytes: 2_000, lookMs: 5 };
    const first = openRunLog(file, fail, options);
    const second = openRunLog(file, fail, { ...options, rotate: false });
    for (let round = 0; round < 9; round += 1) {
      first.logger.info({ round, text: 'x'.repeat(2_500) }, 'long');
      await until('the file was moved aside', async () => {
        const present = await readFile(file, 'utf8').catch(() => undefined);
        return present === '' && round >= 0;
      });
    }
    await until('the second process writes into the new file', async () => {
      second.logger.info('here');
      return (await readFile(file, 'utf8').catch(() => '')).includes('here');
    });
    first.close();
    second.close();
    assert.deepEqual((await readdir(folder)).sort(), [
      'logline.log',
      ...[1, 2, 3, 4, 5].map((number) => `logline.log.${number}`),
    ]);
    assert.ok((await readFile(`${file}.1`, 'utf8')).includes('"round":8'));
  });
});
