import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isAccepted, runtimePackages } from '../../../cli/licenses';

describe('licences of runtime packages', () => {
  it('are all on the short list', async () => {
    const lock = path.resolve(__dirname, '../../../package-lock.json');
    const packages = runtimePackages(JSON.parse(await readFile(lock, 'utf8')));
    assert.ok(packages.some(({ name }) => name === 'pg'));
    assert.ok(!packages.some(({ name }) => name === 'mocha'), 'what only develops is left out');
    assert.deepEqual(
      packages.filter(({ license }) => !isAccepted(license)),
      [],
    );
  });

  it('are found wherever a package is installed, and none named is none accepted', () => {
    const lock = {
      packages: {
        '': { license: 'GPL-3.0-only' },
        client: { version: '1.0.0' },
        'node_modules/logline-client': { resolved: 'client', link: true },
        'node_modules/tool': { version: '1.0.0', dev: true, license: 'GPL-3.0-only' },
        'node_modules/pg/node_modules/@deep/one': { version: '2.0.0', license: 'AGPL-3.0-only' },
        'node_modules/silent': { version: '3.0.0' },
      },
    };
    assert.deepEqual(runtimePackages(lock), [
      { name: '@deep/one', version: '2.0.0', license: 'AGPL-3.0-only' },
      { name: 'silent', version: '3.0.0', license: 'none named' },
    ]);
    assert.ok(!isAccepted('none named'));
  });

  for (const [license, isGood] of [
    ['MIT', true],
    ['(BSD-3-Clause AND Apache-2.0)', true],
    ['(MIT OR GPL-3.0-or-later)', true],
    ['MIT AND GPL-3.0-only', false],
    ['MIT OR (GPL-3.0-only AND ISC)', false],
    ['GPL-2.0-only', false],
    ['SSPL-1.0', false],
    ['SEE LICENSE IN LICENSE', false],
    ['', false],
  ] as const) {
    it(`${isGood ? 'take' : 'do not take'} "${license}"`, () => assert.equal(isAccepted(license), isGood));
  }
});
