import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { FramedPipe, PipeFullError } from '../../../local/framed-pipe';
import { parseFromKernels, parseToKernels } from '../../../local/kernel-messages';
import { until } from '../../support/until';

const LIMITS = { maxFrameBytes: 1_000, maxWaitingBytes: 10_000 };

function pair(onMessage: (message: unknown) => void) {
  const [here, there] = duplexPair();
  const ends: number[] = [];
  const sender = new FramedPipe(here, { ...LIMITS, onMessage: () => undefined, onEnd: () => undefined });
  new FramedPipe(there, { ...LIMITS, onMessage, onEnd: () => ends.push(1) });
  return { sender, raw: here, ended: () => ends.length };
}

describe('the pipe between API and kernels', () => {
  it('gives messages as they were sent, in order, however the bytes are cut', async () => {
    const got: unknown[] = [];
    const { raw } = pair((message) => got.push(message));
    const messages = [{ a: 1 }, { text: 'é"\n' }, {}];
    const bytes = Buffer.concat(
      messages.map((message) => {
        const json = Buffer.from(JSON.stringify(message));
        const header = Buffer.alloc(4);
        header.writeUInt32BE(json.length);
        return Buffer.concat([header, json]);
      }),
    );
    for (const byte of bytes) raw.write(Buffer.from([byte]));
    await until('all have arrived', () => got.length === messages.length);
    assert.deepEqual(got, messages);
  });

  it('refuses a message that is too long, and any while the queue is full', () => {
    const { sender } = pair(() => undefined);
    assert.throws(() => sender.send({ text: 'x'.repeat(1_000) }), PipeFullError);
    assert.throws(() => {
      for (let index = 0; index < 1_000; index += 1) sender.send({ text: 'x'.repeat(900) });
    }, PipeFullError);
  });

  for (const [what, bytes] of [
    ['a length beyond the bound', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['what is no JSON', Buffer.from([0, 0, 0, 1, 0x7b])],
  ] as const) {
    it(`ends, once, at ${what}`, async () => {
      const { raw, ended } = pair(() => undefined);
      raw.write(bytes);
      await until('the pipe has ended', () => ended() === 1);
    });
  }

  it('ends at a message that its reader refuses', async () => {
    const { sender, ended } = pair((message) => void parseToKernels(message));
    sender.send({ type: 'invoke', call: 1, kernel: 'format_disk', identity: { user: 'a', tenant: 'b' } });
    await until('the pipe has ended', () => ended() === 1);
  });

  it('both sides read nothing but their messages', () => {
    for (const bad of [
      null,
      [],
      1,
      { type: 'run' },
      { type: 'start', database: { app: 1 }, isEmbedded: true },
      { type: 'start', database: {} },
      { type: 'invoke', call: '1' },
      { type: 'invoke', call: 1, kernel: 'run_code' },
      { type: 'invoke', call: 1, kernel: 'run_code', identity: { user: 'a' } },
      { type: 'invoke', call: 1, kernel: 'run_code', identity: { user: 'a', tenant: 7 } },
      { type: 'cancel', call: '1' },
    ])
      assert.throws(() => parseToKernels(bad), TypeError);
    for (const bad of [
      null,
      { type: 'outcome', call: 1 },
      { type: 'outcome', call: 1, outcome: { ok: true } },
      { type: 'trouble' },
    ])
      assert.throws(() => parseFromKernels(bad), TypeError);
    const outcome = { ok: true, result: 1, execution: null };
    assert.deepEqual(parseFromKernels({ type: 'outcome', call: 1, outcome }), {
      type: 'outcome',
      call: 1,
      outcome,
    });
  });
});
