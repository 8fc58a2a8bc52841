import assert from 'node:assert/strict';
import { scripts } from '../../../package.json';

describe('the npm scripts', () => {
  it('install missing packages first, each by its hook, the parts of npm run check by that of the whole', () => {
    const names = Object.keys(scripts).filter(
      (name) => !name.startsWith('pre') && !name.startsWith('check:'),
    );
    const hooks = Object.entries(scripts).filter(([name]) => name.startsWith('pre'));
    assert.deepEqual(
      hooks,
      names.map((name) => [`pre${name}`, 'node cli/install.js']),
    );
  });
});
