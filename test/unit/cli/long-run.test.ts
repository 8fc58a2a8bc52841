import assert from 'node:assert/strict';
import LONG_RUN from '../../../cli/long-run.json';
import { scripts } from '../../../package.json';

describe('npm start', () => {
  it('gives Node the options that the launcher gives it, in words that cmd.exe knows as well', () => {
    assert.equal(scripts.start, `node ${LONG_RUN.args.join(' ')} cli/logline.js dev`);
  });
});
