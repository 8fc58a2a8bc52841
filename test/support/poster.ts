import assert from 'node:assert/strict';
import type { SignedSpan, Span } from '../../runtime/base/span';
import type { TestKernels } from './test-kernels';

/** A user who posts and reads spans through the API. */
export interface Poster {
  readonly token: string;
  /** Posts one span; `who` and `this` have defaults. */
  post(span: Partial<Span>): Promise<SignedSpan>;
  postAll(spans: readonly Partial<Span>[]): Promise<readonly SignedSpan[]>;
  /** The next version of a span, with these members changed. */
  revise(span: SignedSpan, changes: Partial<Span>): Promise<SignedSpan>;
  /** All spans of a timeline query, over all pages. */
  list(query: string): Promise<readonly SignedSpan[]>;
  /** The newest version. */
  latest(id: string): Promise<SignedSpan>;
}

export async function posterOf(kernels: TestKernels, user: string, tenant: string): Promise<Poster> {
  const token = await kernels.token(user, tenant);
  const send = async (body: unknown) => {
    const answer = await kernels.call('/api/spans', { token, body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body;
  };
  const draft = (span: Partial<Span>) => ({ entity_type: 'note', who: user, this: 'something', ...span });
  return {
    token,
    post: async (span) => (await send(draft(span))).span,
    postAll: async (spans) => (await send(spans.map(draft))).spans,
    async revise(span, changes) {
      const { curr_hash: _hash, signature: _signature, public_key: _key, at: _at, ...content } = span;
      const next = { ...content, seq: span.seq + 1, prev_hash: span.curr_hash, ...changes };
      return (await send(next)).span;
    },
    async list(query) {
      const spans: SignedSpan[] = [];
      let cursor: string | null = null;
      do {
        const page = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const answer = await kernels.call(`/api/timeline?limit=1000&${query}${page}`, { token });
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        spans.push(...answer.body.spans);
        cursor = answer.body.has_more ? answer.body.next_cursor : null;
      } while (cursor !== null);
      return spans;
    },
    async latest(id) {
      const answer = await kernels.call(`/api/spans/${id}`, { token });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer.body.span;
    },
  };
}
