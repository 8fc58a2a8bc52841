import assert from 'node:assert/strict';
import { MalformedError } from '../../../runtime/base/errors';
import { NOBODY } from '../../../runtime/base/identity';
import type { JsonValue } from '../../../runtime/base/span';
import { jobOfTick, parseKernelEvent } from '../../../runtime/host/kernel-event';
import { callerErrorOf, kernelErrorOf } from '../../../runtime/host/kernel-invoker';
import { KERNEL_NAMES } from '../../../runtime/host/kernel-table';
import type { KernelName } from '../../../runtime/kernels/stable-ids';

const ALICE = { user: 'alice', tenant: 'acme' };
const ID = '0190a0b0-0000-7000-8000-00000000abcd';
const ROUND = { trigger: 'midnight_ruler', scheduled_for: '2026-03-29T00:00:00+01:00' };

function errorOf(kernel: KernelName, event: JsonValue, identity = ALICE): MalformedError {
  try {
    parseKernelEvent(kernel, identity, event);
  } catch (error) {
    if (error instanceof MalformedError) return error;
    throw error;
  }
  return assert.fail(`${kernel} takes ${JSON.stringify(event)}`);
}

describe('the event of a kernel', () => {
  it('is taken in the forms that the API, the request worker and the schedule send', () => {
    const events: readonly [KernelName, JsonValue, typeof ALICE][] = [
      ['run_code', { function_id: ID, input: [1], trace_id: 't', trigger: 'execute' }, ALICE],
      ['run_code', { function_id: ID, input: null, request_id: ID, attempt: 2, trigger: 'request' }, ALICE],
      ['run_code', ROUND, NOBODY],
      ['provider_exec', { provider: 'chat', input: {}, trigger: 'execute' }, ALICE],
      ['observer_bot', { trigger: 'schedule' }, NOBODY],
      ['policy_agent', {}, NOBODY],
    ];
    for (const [kernel, event, identity] of events)
      assert.equal(parseKernelEvent(kernel, identity, event), event);
  });

  it('is refused with every fault named, which a caller of the API gets to see', () => {
    const error = errorOf('run_code', { function_id: 'x', attempt: 0, note: 1, trigger: 'schedule' });
    const pointers = ['/attempt', '/function_id', '/note', '/trigger'];
    assert.deepEqual(error.faults.map(({ pointer }) => pointer).sort(), pointers);
    const shown = callerErrorOf(kernelErrorOf(error), ID, null);
    assert.ok(shown instanceof MalformedError);
    assert.deepEqual(shown.faults, error.faults);
  });

  it('of no kernel holds a member that it does not know, or is no object', () => {
    for (const kernel of KERNEL_NAMES) {
      errorOf(kernel, { function_id: ID, surprise: true });
      errorOf(kernel, [1]);
    }
  });

  it('starts the midnight round for the schedule only', () => {
    errorOf('run_code', ROUND, ALICE);
    errorOf('run_code', ROUND, { user: 'system', tenant: 'system' });
  });

  it('from a queue names its job', () => {
    assert.equal(jobOfTick('{"trigger":"schedule","job":"observer_bot"}'), 'observer_bot');
    for (const body of [
      '',
      '{',
      '[]',
      '{"trigger":"schedule"}',
      '{"trigger":"execute","job":"observer_bot"}',
    ])
      assert.throws(() => jobOfTick(body), MalformedError, body);
  });
});
