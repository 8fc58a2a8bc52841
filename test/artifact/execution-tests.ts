import assert from 'node:assert/strict';
import { at } from '../infra/subject';
import type { DeployedStack } from './deployed-stack';
import { tickBatch } from './events';

/** Functions on request and by schedule, and policies. */
export function executionTests(stack: DeployedStack): void {
  describe('execution', () => {
    it('goes from Stage-0 to run_code, in a sandbox, and back', async () => {
      const created = await stack.call('POST', '/api/spans', {
        body: {
          entity_type: 'function',
          who: 'ada',
          this: 'double',
          name: 'double',
          language: 'javascript',
          runtime: 'quickjs',
          code: 'async function main(ctx, input) { return { doubled: input.n * 2, env: typeof process }; }',
        },
      });
      assert.equal(created.status, 201, JSON.stringify(created.body));
      const functionId = String(at(created.body, 'span.id'));
      const { status, body } = await stack.call('POST', `/api/execute/${functionId}`, {
        body: { input: { n: 21 } },
      });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.result, { doubled: 42, env: 'undefined' });
      assert.equal(at(body, 'execution.entity_type'), 'execution');
    });

    it('happens by schedule: observer_bot finds it, request_worker runs it', async () => {
      const created = await stack.call('POST', '/api/spans', {
        body: {
          entity_type: 'function',
          who: 'ada',
          this: 'tick',
          name: 'tick',
          status: 'scheduled',
          language: 'javascript',
          code: 'async function main() { return { ticked: true }; }',
        },
      });
      assert.equal(created.status, 201, JSON.stringify(created.body));
      for (const kernel of ['observer-bot', 'request-worker']) {
        const { failed, payload } = await stack.cloud.invoke(kernel, tickBatch(stack.cloud.run, kernel));
        assert.equal(failed, false, JSON.stringify(payload));
        assert.deepEqual(payload, { batchItemFailures: [] });
      }
      const executions = await stack.timeline('entity_type=execution');
      assert.ok(
        executions.some((span) => JSON.stringify(span.output) === '{"ticked":true}'),
        JSON.stringify(executions),
      );
    });

    it('reacts to policies', async () => {
      const { failed, payload } = await stack.cloud.invoke(
        'policy-agent',
        tickBatch(stack.cloud.run, 'policy-agent'),
      );
      assert.equal(failed, false, JSON.stringify(payload));
      assert.deepEqual(payload, { batchItemFailures: [] });
    });
  });
}
