// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the code under test is written in these strings
import assert from 'node:assert/strict';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

const MIB = 1024 * 1024;

describe('whatever a run returns or throws', function () {
  this.timeout(120_000);
  let kernels: TestKernels;
  let token: string;
  before(async () => {
    kernels = await createTestKernels();
    token = await kernels.token('alice', 'acme');
  });
  after(() => kernels.close());

  /** Runs the code; returns the caller's answer and the ledger's one execution span. */
  async function outcomeOf(code: string, input: unknown = null) {
    const { body } = await kernels.call('/api/spans', {
      token,
      body: { entity_type: 'function', who: 'alice', this: 'f', name: 'f', code },
    });
    const answer = await kernels.call(`/api/execute/${body.span.id}`, { token, body: { input } });
    const found = await kernels.call(`/api/timeline?entity_type=execution&parent_id=${body.span.id}`, {
      token,
    });
    assert.equal(found.body.count, 1, JSON.stringify(answer.body).slice(0, 500));
    const [execution] = found.body.spans;
    assert.ok(Buffer.byteLength(JSON.stringify(execution)) <= MIB);
    assert.deepEqual(verifySpan(execution), { ok: true });
    return { answer, execution };
  }

  const nested = (levels: number) =>
    `function main() { let v = 1; for (let i = 0; i < ${levels}; i++) v = [v]; return v; }`;

  it("is recorded unchanged with 127 levels, the limit of a span's member", async () => {
    const { answer, execution } = await outcomeOf(nested(127));
    assert.equal(answer.status, 200);
    assert.deepEqual(execution.output, answer.body.result);
  });

  for (const levels of [128, 150, 200, 201, 1_000]) {
    it(`is an error that names the nesting when it has ${levels} levels`, async () => {
      const { answer, execution } = await outcomeOf(nested(levels));
      assert.equal(answer.status, 422);
      assert.match(answer.body.error.message, /nest(s|ed) deeper than \d+ levels/);
      assert.equal(execution.status, 'error');
    });
  }

  it('is recorded whole, and the input cut, when both have no room in one span', async () => {
    const { answer, execution } = await outcomeOf('function main(ctx, input) { return input.text; }', {
      text: 'é'.repeat(400_000),
    });
    assert.equal(answer.status, 200);
    assert.equal(execution.output.length, 400_000);
    assert.deepEqual(Object.keys(execution.input).sort(), ['bytes', 'head', 'truncated']);
    assert.equal(execution.input.bytes, 800_011);
    assert.match(execution.input.head, /^\{"text":"é+$/);
  });

  it('is truncated when it does not fit: too many bytes, too many values, too long numbers', async () => {
    const long = await outcomeOf('function main() { return "x".repeat(1048000); }');
    assert.deepEqual(Object.keys(long.execution.output).sort(), ['bytes', 'head', 'truncated']);
    assert.deepEqual(long.answer.body.result, long.execution.output);
    const many = await outcomeOf('function main() { return Array(60000).fill(1); }');
    assert.equal(many.execution.output.truncated, true);
    assert.equal(many.execution.status, 'complete');
    const numbers = await outcomeOf(
      'function main() { return Array(4000).fill(1e308); }',
      Array(4000).fill(1e-300),
    );
    assert.deepEqual([numbers.execution.output.truncated, numbers.execution.input.truncated], [true, true]);
    const inserted = await outcomeOf(
      "async function main(ctx) { return ctx.insertSpan({ entity_type: 'n', who: 'a', this: 'b', metadata: Array(4000).fill(1e308) }); }",
    );
    assert.equal(inserted.answer.status, 422);
    assert.match(inserted.answer.body.error.message, /at most 1048576 bytes/);
  });

  for (const metadata of ['Array(50001).fill(1)', '"\\u0000"', '"\\ud800"']) {
    for (const call of ['insertSpan', 'signSpan']) {
      it(`is an error when ctx.${call} is given a span that cannot be stored: ${metadata}`, async () => {
        const span = `{ entity_type: 'n', who: 'a', this: 'b', metadata: ${metadata} }`;
        const { answer } = await outcomeOf(`async function main(ctx) { return ctx.${call}(${span}); }`);
        assert.equal(answer.status, 422);
        assert.match(answer.body.error.message, /^The span has a fault/);
      });
    }
  }

  it('is recorded with the console, whatever its size', async () => {
    const { execution } = await outcomeOf(
      'function main() { for (let i = 0; i < 2000; i++) console.log("\\u0001".repeat(100)); return "y".repeat(900000); }',
    );
    assert.equal(execution.output.length, 900_000);
  });

  it('is recorded when it is an error as long as a span', async () => {
    const { execution } = await outcomeOf(
      'function main() { const e = new Error("x".repeat(2000000)); e.name = "n".repeat(2000000); throw e; }',
      { big: 'z'.repeat(1_000_000) },
    );
    assert.equal(execution.status, 'error');
  });

  it('is in the next version of its request within a span', async () => {
    const { body } = await kernels.call('/api/spans', {
      token,
      body: {
        entity_type: 'function',
        who: 'a',
        this: 'f',
        name: 'f',
        code: 'function main(ctx, input) { return input; }',
      },
    });
    const asked = await kernels.call(`/api/execute/${body.span.id}`, {
      token,
      headers: { prefer: 'respond-async' },
      body: { input: 'i'.repeat(700_000) },
    });
    assert.equal(asked.status, 202);
    await kernels.tick('request_worker');
    const { body: read } = await kernels.call(`/api/spans/${asked.body.span?.id ?? asked.body.request?.id}`, {
      token,
    });
    assert.equal(read.span.status, 'complete', JSON.stringify(read.span).slice(0, 300));
    assert.equal(read.span.output.truncated, true);
    assert.equal(read.span.input.length, 700_000);
  });
});
