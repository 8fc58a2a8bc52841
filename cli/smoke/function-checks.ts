import { setTimeout as sleep } from 'node:timers/promises';
import { member, textMember } from '../ledger-api';
import {
  CheckFailed,
  CheckSkipped,
  draft,
  expect,
  expectStatus,
  type SmokeCheck,
  type SmokeContext,
  verifiedSpan,
} from './smoke-context';

/** Time limit in milliseconds: the request worker runs every 10 s, on AWS after a cold start. */
const WORKER_PATIENCE_MS = 60_000;
const POLL_MS = 500;
const CODE = 'async function main(ctx, input) { return { doubled: input.number * 2 }; }';

/** Checks of the manifest, of runs and of the schedule. */
export const FUNCTION_CHECKS: readonly SmokeCheck[] = [
  {
    name: 'the kernel manifest can be read and its signature holds',
    async run({ client }) {
      const answer = await client.request('/api/manifest/kernel_manifest');
      expectStatus(answer, 200);
      const manifest = verifiedSpan(answer.body, 'manifest');
      const kernels = member(manifest.metadata, 'kernels');
      expect(typeof kernels === 'object' && kernels !== null, 'it names no kernels');
      return `${Object.keys(kernels).length} kernels`;
    },
  },
  {
    name: 'a function runs and its execution is recorded',
    async run(context) {
      const appended = await context.client.request('/api/spans', {
        method: 'POST',
        json: draft(context, {
          entity_type: 'function',
          name: 'smoke_double',
          language: 'javascript',
          code: CODE,
        }),
      });
      expectStatus(appended, 201);
      const functionId = verifiedSpan(appended.body, 'span').id;
      context.functionId = functionId;
      const answer = await execute(context, functionId, {});
      expectStatus(answer, 200);
      const doubled = member(member(answer.body, 'result'), 'doubled');
      expect(doubled === 42, `main(21) returned ${JSON.stringify(member(answer.body, 'result'))}`);
      const execution = verifiedSpan(answer.body, 'execution');
      return `${execution.duration_ms ?? '?'} ms`;
    },
  },
  {
    name: 'the schedule is alive: a queued run completes by itself',
    async run(context) {
      if (context.functionId === undefined) throw new CheckSkipped('no function could be appended');
      const startedAt = Date.now();
      const answer = await execute(context, context.functionId, { prefer: 'respond-async' });
      expectStatus(answer, 202);
      const { id } = verifiedSpan(answer.body, 'request');
      const status = await outcomeOf(context, id);
      expect(status === 'complete', `the request ended as "${status}"`);
      return `after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
    },
  },
];

function execute(context: SmokeContext, functionId: string, headers: Readonly<Record<string, string>>) {
  return context.client.request(`/api/execute/${functionId}`, {
    method: 'POST',
    json: { input: { number: 21 } },
    headers,
  });
}

/** Waits for the final status of a request. */
async function outcomeOf(context: SmokeContext, id: string): Promise<string> {
  const deadline = Date.now() + WORKER_PATIENCE_MS;
  for (;;) {
    const body = await context.client.demand(`/api/spans/${id}`);
    const status = textMember(member(body, 'span'), 'status');
    if (status === 'complete' || status === 'error') return status;
    if (Date.now() > deadline) {
      throw new CheckFailed(
        `after ${WORKER_PATIENCE_MS / 1000} s the request is still "${status ?? 'waiting'}"`,
      );
    }
    await sleep(POLL_MS);
  }
}
