import assert from 'node:assert/strict';
import { traceIdIn } from '../../../runtime/stage0/trace-id';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

describe('the trace of a traceparent', () => {
  const taken = [
    ['of version 00', `00-${TRACE}-${PARENT}-01`],
    ['with blanks around it', ` 00-${TRACE}-${PARENT}-00\t`],
    ['of a later version', `cc-${TRACE}-${PARENT}-01`],
    ['of a later version with more fields', `cc-${TRACE}-${PARENT}-01-what-the-future-holds`],
  ] as const;
  for (const [what, text] of taken) {
    it(`is taken from one ${what}`, () => assert.equal(traceIdIn(text), TRACE));
  }

  const refused = [
    ['of version ff', `ff-${TRACE}-${PARENT}-01`],
    ['of version 00 with more fields', `00-${TRACE}-${PARENT}-01-more`],
    ['with a trace of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['with a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['in upper case', `00-${TRACE.toUpperCase()}-${PARENT}-01`],
    ['that is cut', `00-${TRACE}-${PARENT}`],
    ['with a longer trace', `00-${TRACE}0-${PARENT}-01`],
    ['that is empty', ''],
  ] as const;
  for (const [what, text] of refused) {
    it(`is none of one ${what} (W3C Trace Context section 3.2)`, () =>
      assert.equal(traceIdIn(text), undefined));
  }
});
