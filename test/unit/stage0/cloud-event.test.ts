import assert from 'node:assert/strict';
import { draftOfEvent } from '../../../runtime/stage0/cloud-event';

describe('an event with thousands of bad attribute names', () => {
  it('is refused with the first hundred', () => {
    const names = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`Bad${index}`, 1]));
    const event = { specversion: '1.0', id: '1', source: 's', type: 't', subject: 'x', ...names };
    const { faults } = draftOfEvent(event, { user: 'alice', tenant: 'acme' }, '');
    assert.equal(faults.length, 100);
  });
});
