import assert from 'node:assert/strict';
import { checkDraft } from '../../../runtime/ledger/span-input';
import { validateSpanInput } from '../../../runtime/ledger/validators.generated';

describe('a draft with thousands of unknown members', () => {
  it('is refused with the first hundred, and without an error made for each', () => {
    const unknown = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`x${index}`, 1]));
    const { faults } = checkDraft({ ...unknown, entity_type: 'note', who: 'alice', this: 'hello' }, '');
    assert.equal(faults.length, 100);
    assert.ok(faults.every(({ detail }) => detail === 'is not a member that is known here'));
    const made = validateSpanInput.errors?.length ?? 0;
    assert.ok(made <= 200, `${made} errors`);
  });
});
