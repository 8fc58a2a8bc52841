import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { isUuid, UUID_PATTERN } from '../../../runtime/base/uuid';
import { isUuid as isUuidInKernels } from '../../../runtime/kernels/json';

const ID = '0190a0b0-0000-7000-8000-00000000abcd';

describe('a UUID', () => {
  it('is the same in the host and in the text of kernels: lower case, nothing around it', () => {
    const values = [ID, ID.toUpperCase(), `${ID}\n`, ` ${ID}`, ID.slice(1), ID.replaceAll('-', ''), 7, null];
    const judged = [true, false, false, false, false, false, false, false];
    assert.deepEqual(values.map(isUuid), judged);
    assert.deepEqual(values.map(isUuidInKernels), judged);
    assert.match(ID.toUpperCase(), new RegExp(`^${UUID_PATTERN}$`));
  });

  it('and the stable ids are written down in one place each', () => {
    const root = path.join(__dirname, '..', '..', '..');
    const found = execFileSync(
      'git',
      [
        'grep',
        '--untracked',
        '-lE',
        String.raw`0-9a-f(A-F)?\]\{8\}(-|\(-|\(\?:-)|00000000-0000-4000-8000-0000000000(aa|0[1-6])`,
        '--',
        ...['runtime', 'cli', 'infra', 'local', 'client/src', 'explorer/src'],
        ...[':!*.generated.*'],
      ],
      { cwd: root, encoding: 'utf8' },
    );
    assert.deepEqual(found.trim().split('\n'), [
      'runtime/base/uuid.ts',
      'runtime/kernels/json.ts',
      'runtime/kernels/stable-ids.ts',
    ]);
  });
});
