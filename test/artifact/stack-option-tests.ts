import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { at } from '../infra/subject';
import type { DeployedStack } from './deployed-stack';

/** Stacks with options that other stacks leave out, made by the environment of their functions. */
export function stackOptionTests(stack: DeployedStack): void {
  describe('a stack with readers', () => {
    const readingFunction = async (): Promise<unknown> => {
      const { body } = await stack.call('POST', '/api/spans', {
        body: {
          entity_type: 'function',
          who: 'ada',
          this: 'reads itself',
          name: 'reads itself',
          code: "async function main(ctx) { return (await ctx.sql`SELECT count(*)::int AS n FROM ledger.visible_timeline WHERE name = 'reads itself'`).rows[0].n > 0; }",
        },
      });
      const ran = await stack.call('POST', `/api/execute/${String(at(body, 'span.id'))}`, { body: {} });
      assert.equal(ran.status, 200, JSON.stringify(ran.body));
      return ran.body.result;
    };

    for (const [what, name, read] of [
      ['Stage-0', 'stage0', () => stack.timeline('limit=1')],
      ['SQL of user code', 'run-code', async () => assert.equal(await readingFunction(), true)],
    ] as const)
      it(`${what} reads from the reader endpoint, and from the writer when that does not answer`, async () => {
        let connections = 0;
        const reader = createServer((socket) => {
          connections += 1;
          socket.on('error', () => socket.destroy());
          const server = connect(stack.cloud.databasePort, '127.0.0.1').on('error', () => socket.destroy());
          socket.pipe(server).pipe(socket);
        });
        // Same port as the writer, as in a cluster; the addresses differ.
        reader.listen(stack.cloud.databasePort, '127.0.0.2');
        await once(reader, 'listening');
        stack.cloud.environment.LOGLINE_DATABASE_READ_HOST = '127.0.0.2';
        await stack.cloud.cool(name);
        try {
          await read();
          assert.ok(connections > 0, 'the reader was asked');
        } finally {
          reader.close();
        }
        await stack.cloud.cool(name);
        await read();
        delete stack.cloud.environment.LOGLINE_DATABASE_READ_HOST;
        await stack.cloud.cool(name);
      });
  });

  describe('a stack behind its distribution', () => {
    it('answers calls that came through it, and refuses whoever calls the API itself', async () => {
      // Any secret that the role may read.
      const [arn, { AWSCURRENT: value = '' }] =
        [...stack.cloud.secrets].find(([name]) => name.endsWith('secrets-app')) ?? assert.fail('no secret');
      stack.cloud.environment.LOGLINE_EDGE_SECRET_ARN = arn;
      await stack.cloud.cool('stage0');
      const around = await stack.call('GET', '/api/health');
      assert.deepEqual([around.status, around.body.type], [403, 'urn:logline:problem:forbidden']);
      const through = await stack.call('GET', '/api/health', { headers: { 'x-logline-edge': value } });
      assert.equal(through.status, 200);
      delete stack.cloud.environment.LOGLINE_EDGE_SECRET_ARN;
      await stack.cloud.cool('stage0');
    });
  });
}
