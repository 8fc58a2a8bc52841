import assert from 'node:assert/strict';
import type { Answer } from './test-stage0';

/** Internals that must never reach a caller: SQL, names of tables, roles and files, stack traces. */
const INSIDE =
  /ledger\.|app\.|universal_registry|logline_app|pg_|SELECT |INSERT |SQLSTATE|LL00\d|node_modules|\.ts:\d|\n\s+at /;

/**
 * Asserts that an answer is an RFC 9457 problem in the contract's form.
 * @param pointers the JSON pointers of `errors`, in any order; undefined skips the check
 */
export function assertProblem(answer: Answer, status: number, pointers?: readonly string[]): void {
  const text = JSON.stringify(answer.body);
  assert.equal(answer.status, status, text?.slice(0, 500));
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.equal(answer.body.status, status);
  assert.equal(answer.body.success, false);
  for (const member of ['type', 'title', 'detail']) {
    assert.ok(typeof answer.body[member] === 'string' && answer.body[member] !== '', `${member}: ${text}`);
  }
  assert.doesNotMatch(text, INSIDE);
  if (status === 503 || status === 429) assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  if (status === 401) assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
  for (const fault of answer.body.errors ?? []) {
    assert.deepEqual(Object.keys(fault).sort(), ['detail', 'pointer'], text);
    assert.match(fault.pointer, /^(\/.*)?$/s);
  }
  if (pointers !== undefined) {
    const found = (answer.body.errors ?? []).map((fault: { pointer: string }) => fault.pointer);
    assert.deepEqual([...new Set(found)].sort(), [...pointers].sort(), text);
  }
}
