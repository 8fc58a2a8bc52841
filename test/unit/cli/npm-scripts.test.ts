import assert from 'node:assert/strict';
import LONG_RUN from '../../../cli/long-run.json';
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

describe('npm start', () => {
  it('gives Node the options that the launcher gives it, in words that cmd.exe knows as well', () => {
    assert.equal(scripts.start, `node ${LONG_RUN.args.join(' ')} cli/logline.js dev`);
  });
});
