import assert from 'node:assert/strict';
import { fittingResult, MAX_RESULT_BYTES } from '../../../runtime/lambda/result-bytes';

const MIB = 1024 * 1024;
const resultOf = (body: string) => ({
  statusCode: 200,
  headers: { 'content-type': 'application/json' },
  body,
});
const bytesOf = (result: object) => Buffer.byteLength(JSON.stringify(result));

describe('a result of Stage-0 at AWS', () => {
  it('goes out as it is while its escaped form has room', async () => {
    for (const body of ['{}', 'x'.repeat(4 * MIB)]) {
      const result = resultOf(body);
      assert.equal(await fittingResult(result), result);
    }
  });

  it('goes out as base64 when its escaped form would not reach the caller', async () => {
    const body = JSON.stringify({ spans: [{ text: '"'.repeat(2 * MIB - 100) }] });
    assert.ok(body.length <= 4 * MIB && bytesOf(resultOf(body)) > MAX_RESULT_BYTES);
    const result = await fittingResult(resultOf(body));
    assert.equal(result.isBase64Encoded, true);
    assert.equal(Buffer.from(result.body ?? '', 'base64').toString(), body);
    assert.ok(bytesOf(result) <= MAX_RESULT_BYTES);
  });

  it('names a span that is larger than any answer: 413 with its id, seq and curr_hash', async () => {
    const span = { id: '0', seq: 3, curr_hash: 'ab', input: 'x'.repeat(6 * MIB) };
    for (const body of [
      { span, versions: [] },
      { spans: [span], count: 1 },
    ]) {
      const result = await fittingResult(resultOf(JSON.stringify(body)));
      assert.equal(result.statusCode, 413);
      const { id, seq, curr_hash } = JSON.parse(result.body ?? '');
      assert.deepEqual({ id, seq, curr_hash }, { id: '0', seq: 3, curr_hash: 'ab' });
    }
  });
});
