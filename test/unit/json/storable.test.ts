import assert from 'node:assert/strict';
import { MalformedError, TooLargeError } from '../../../runtime/base/errors';
import type { JsonValue } from '../../../runtime/base/span';
import { storableOutcome } from '../../../runtime/host/storable-outcome';
import { parseIJson } from '../../../runtime/json/i-json';
import { readStorableJson } from '../../../runtime/json/storable';
import { SpanRoom } from '../../../runtime/kernels/span-room';
import { parseDrafts } from '../../../runtime/ledger/span-input';

const nested = (levels: number): JsonValue => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
const draft = (metadata: JsonValue) => ({ entity_type: 'note', who: 'a', this: 't', metadata });

const faultsOf = (run: () => unknown): string[] => {
  try {
    run();
    return [];
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return error.faults.map(({ pointer, detail }) => `${pointer} ${detail}`);
  }
};

describe('storable values', () => {
  const kept: readonly [string, JsonValue][] = [
    ['127 levels in a member', nested(127)],
    ['a pair of surrogates', '\u{1f600}'],
    ['49,000 values', Array(49_000).fill(0)],
    ['just under a mebibyte', 'x'.repeat(1024 * 1024 - 200)],
  ];
  const refused: readonly [string, JsonValue, RegExp][] = [
    ['128 levels in a member', nested(128), /^\/metadata(\/0)+ nested deeper than 128/],
    ['U+0000', { a: 'x\0' }, /^\/metadata\/a U\+0000/],
    ['a lone surrogate in a name', { '\ud800': 1 }, /^\/metadata a lone surrogate in a member name/],
    ['a number that is none', Number.POSITIVE_INFINITY, /^\/metadata Infinity is not a JSON number/],
    ['50,001 values', Array(50_001).fill(0), /^ holds more than 50000 JSON values/],
  ];

  for (const [title, metadata] of kept) {
    it(`is ${title}, in a draft as in a result`, () => {
      assert.deepEqual(
        faultsOf(() => parseDrafts([draft(metadata)], false)),
        [],
      );
      const outcome = storableOutcome({ ok: true, output: metadata, logs: [], cpuMs: 0, calls: 0 });
      assert.ok(outcome.ok);
    });
  }

  for (const [title, metadata, fault] of refused) {
    it(`is not ${title} in a draft`, () => {
      const [first = '', ...others] = faultsOf(() => parseDrafts([draft(metadata)], false));
      assert.match(first, fault);
      assert.deepEqual(others, []);
    });
  }

  for (const [title, metadata] of [
    ['more than a mebibyte', 'x'.repeat(1024 * 1024)],
    ['more than a mebibyte once escaped', '\u0001'.repeat(180_000)],
    ['more than a mebibyte once its numbers are written out', Array(4_000).fill(1e308)],
  ] as readonly [string, JsonValue][]) {
    it(`is not ${title} in a draft`, () => {
      assert.throws(() => parseDrafts([draft(metadata)], false), TooLargeError);
    });
  }

  it('is refused in a result as it is in a draft', () => {
    for (const [title, output] of refused.slice(0, 4)) {
      const outcome = storableOutcome({ ok: true, output, logs: [], cpuMs: 0, calls: 0 });
      assert.equal(outcome.ok, false, title);
    }
  });

  it('has the same rule for numbers of a service and of a request', () => {
    for (const text of [
      '9007199254740992',
      '9007199254740993',
      '1e20',
      '0.1',
      '1e400',
      '1e-400',
      '3.14159265358979323846',
    ]) {
      const isTaken = faultsOf(() => parseIJson(text)).length === 0;
      assert.deepEqual(readStorableJson(text, 3), { value: isTaken ? Number(text) : text });
    }
  });

  it('has room for all that kernels put into a span, and not much more', () => {
    for (const value of [Array(10_000).fill(0), 'x'.repeat(200_000)] as JsonValue[]) {
      const room = new SpanRoom();
      const metadata = Array.from({ length: 8 }, () => room.put(value)) as JsonValue;
      assert.deepEqual(
        faultsOf(() => parseDrafts([draft(metadata)], false)),
        [],
      );
    }
    for (const value of [Array(49_000).fill(0), 'x'.repeat(1_000_000)] as JsonValue[]) {
      assert.equal(new SpanRoom().put(value), value);
    }
  });
});
