import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ed25519 } from '../../../runtime/crypto';
import { sha256 } from '../../../runtime/crypto/sha256';
import { toBase64 } from '../../../runtime/proofs/base64';
import { checkpointText, originOf, parseCheckpoint, tenantOf } from '../../../runtime/proofs/checkpoint';
import { Frontier } from '../../../runtime/proofs/frontier';
import { entryBundle, leafHashOf, leafText } from '../../../runtime/proofs/leaf';
import {
  cosignatureBytes,
  cosignedMessage,
  noteText,
  parseNote,
  verifyNote,
} from '../../../runtime/proofs/signed-note';
import { checkSpanProof, openCheckpoint, witnessesOf } from '../../../runtime/proofs/span-proof';
import { parseTlogProof, tlogProofText } from '../../../runtime/proofs/tlog-proof';
import {
  COSIGNER,
  isKeyName,
  parseVerifierKey,
  SIGNER,
  verifierKey,
  verifierKeyText,
} from '../../../runtime/proofs/verifier-key';

const example = (name: string): string =>
  readFileSync(join(__dirname, '../../vectors/log-example', name), 'utf8');
const bytesOfExample = (name: string): Buffer =>
  readFileSync(join(__dirname, '../../vectors/log-example', name));

const tools = { sha256, verify: ed25519.verify };
const LOG_SEED = new Uint8Array(32).fill(0x11);
const WITNESS_SEED = new Uint8Array(32).fill(0x22);
const ORIGIN = 'logline.example/acme';
const logKey = parseVerifierKey(sha256, example('log.vkey').trim());
const witnessKey = parseVerifierKey(sha256, example('witness.vkey').trim());
const keys = [logKey, witnessKey];

const spans = [0, 1, 2].map((seq) => ({
  id: `00000000-0000-7000-8000-00000000000${seq}`,
  seq,
  curr_hash: String(seq).repeat(64),
}));
const [first = { id: '', seq: 0, curr_hash: '' }] = spans;

describe('example log', () => {
  it('must have the leaves, the tile and the bundle that others made', () => {
    for (const [index, span] of spans.entries()) assert.equal(leafText(span), example(`leaf.${index}`));
    const tile = Buffer.concat(spans.map((span) => leafHashOf(sha256, span)));
    assert.deepEqual(tile, bytesOfExample('tile.0.000.p.3'));
    assert.deepEqual(Buffer.from(entryBundle(spans)), bytesOfExample('tile.entries.000.p.3'));
  });

  it('must have the verifier keys that others made', () => {
    const made = verifierKey(sha256, ORIGIN, SIGNER, ed25519.publicKey(LOG_SEED));
    assert.equal(verifierKeyText(made), example('log.vkey').trim());
    const witness = verifierKey(sha256, 'witness.example/w1', COSIGNER, ed25519.publicKey(WITNESS_SEED));
    assert.equal(verifierKeyText(witness), example('witness.vkey').trim());
  });

  it('must sign the checkpoints that others signed, byte for byte', () => {
    const frontier = new Frontier(sha256);
    for (const span of spans) {
      frontier.add(leafHashOf(sha256, span));
      const text = checkpointText({ origin: ORIGIN, size: frontier.size, root: frontier.root() });
      const bytes = ed25519.sign(Buffer.from(text), LOG_SEED);
      const note = noteText({ text, signatures: [{ name: ORIGIN, keyId: logKey.id, bytes }] });
      assert.equal(note, example(`checkpoint.${frontier.size}`));
    }
  });

  it('must cosign as others cosigned, byte for byte', () => {
    const cosigned = parseNote(example('checkpoint.3.cosigned'));
    const time = 1_764_115_200;
    const signature = ed25519.sign(cosignedMessage(cosigned.text, time), WITNESS_SEED);
    const bytes = cosignatureBytes(time, signature);
    const [log] = cosigned.signatures;
    assert.ok(log);
    const made = { name: witnessKey.name, keyId: witnessKey.id, bytes };
    assert.equal(
      noteText({ text: cosigned.text, signatures: [log, made] }),
      example('checkpoint.3.cosigned'),
    );
  });

  it('must open a checkpoint and list its witnesses with timestamps', async () => {
    const opened = await openCheckpoint(example('checkpoint.3.cosigned'), keys, tools);
    assert.equal(opened.size, 3);
    assert.deepEqual(
      witnessesOf(opened).map(({ key, time }) => [key.name, time]),
      [['witness.example/w1', 1_764_115_200]],
    );
  });

  it('must prove each span offline, and write the proof the same way', async () => {
    for (const [index, span] of spans.entries()) {
      const proof = example(`inclusion.${index}.tlog-proof`);
      const check = await checkSpanProof(span, proof, [logKey], tools);
      assert.deepEqual([check.ok, check.faults, check.index], [true, [], index]);
      assert.equal(tlogProofText(parseTlogProof(proof)), proof);
    }
  });

  it('must not prove a span with another hash, id or version, and say which', async () => {
    const proof = example('inclusion.0.tlog-proof');
    for (const other of [
      { ...first, curr_hash: `1${first.curr_hash.slice(1)}` },
      { ...first, id: first.id.replace('7000', '7001') },
      { ...first, seq: 1 },
    ]) {
      const check = await checkSpanProof(other, proof, [logKey], tools);
      assert.equal(check.ok, false);
      assert.match(check.faults.join(), new RegExp(`version ${other.seq} of span ${other.id}.*position 0`));
    }
  });

  it('must refuse a proof in which any one character is another', async () => {
    const proof = example('inclusion.0.tlog-proof');
    const end = proof.indexOf('— witness');
    for (let at = 0; at < end; at += 1) {
      const character = proof[at] === 'A' ? 'B' : 'A';
      const altered = proof.slice(0, at) + character + proof.slice(at + 1);
      const check = await checkSpanProof(first, altered, [logKey], tools);
      assert.equal(check.ok, false, `character ${at}`);
    }
  });

  it('must refuse a checkpoint that only a witness signed, or a key of another name', async () => {
    const cosigned = parseNote(example('checkpoint.3.cosigned'));
    const onlyWitness = noteText({ text: cosigned.text, signatures: cosigned.signatures.slice(1) });
    await assert.rejects(openCheckpoint(onlyWitness, keys, tools), /no good signature/);
    const stranger = verifierKey(sha256, 'other.example/acme', SIGNER, logKey.publicKey);
    const bytes = ed25519.sign(Buffer.from(cosigned.text), LOG_SEED);
    const renamed = noteText({
      text: cosigned.text,
      signatures: [{ name: stranger.name, keyId: stranger.id, bytes }],
    });
    await assert.rejects(openCheckpoint(renamed, [stranger, logKey], tools), /no good signature/);
  });

  it('must accept a valid signature after an invalid one of the same key', async () => {
    const note = parseNote(example('checkpoint.1'));
    const [good] = note.signatures;
    assert.ok(good);
    const bad = { ...good, bytes: Uint8Array.from(good.bytes).fill(7, 0, 8) };
    const verified = await verifyNote({ ...note, signatures: [bad, good] }, keys, tools.verify);
    assert.equal(verified.length, 1);
  });
});

describe('verifier key', () => {
  it('must be read as the signed-note text has it', () => {
    const text = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
    assert.equal(verifierKeyText(parseVerifierKey(sha256, text)), text);
  });

  for (const [what, text] of [
    ['no key', 'example.com/foo'],
    ['another id', 'example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
    ['another type', 'example.com/foo+530d903a+CekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
    ['a short key', 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U0='],
    ['upper-case hex', 'example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
    ['a space in its name', 'example.com /foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
  ] as const) {
    it(`must be refused with ${what}`, () => {
      assert.throws(() => parseVerifierKey(sha256, text), /verifier key|key's name/);
    });
  }
});

describe('origin', () => {
  it('must name any tenant in a way that a key name can carry', () => {
    for (const tenant of ['acme', 'a b', 'a+b', 'a/b', '100 %', '🦀 crab', 'ä', "(it's)!*~"]) {
      const origin = originOf('logline.example', tenant);
      assert.ok(isKeyName(origin), origin);
      assert.equal(tenantOf('logline.example', origin), tenant);
    }
    assert.equal(tenantOf('logline.example', 'logline.example/%zz'), undefined);
    assert.equal(tenantOf('logline.example', 'logline.example/a%2fb'), undefined);
    assert.equal(tenantOf('logline.example', 'elsewhere/acme'), undefined);
  });
});

describe('checkpoint', () => {
  const root = toBase64(new Uint8Array(32));
  it('must allow extension lines, which it does not read', () => {
    assert.equal(parseCheckpoint(`o\n7\n${root}\nmore\n`).size, 7);
  });
  for (const text of [
    '',
    'o\n7\n',
    `o\n07\n${root}\n`,
    `o\n-1\n${root}\n`,
    `o\n1e3\n${root}\n`,
    `o\n99999999999999999999\n${root}\n`,
    `\n7\n${root}\n`,
    `o\n7\n${root.slice(4)}\n`,
    `o\n7\n${root}`,
    `o\n7\n${root}\n\n`,
  ]) {
    it(`must not be read from ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseCheckpoint(text), /checkpoint/);
    });
  }
});

describe('signed note', () => {
  for (const note of [
    '',
    'text\n',
    'text\n\n',
    'text\n\n- name AAAAAAA=\n',
    'text\n\n— name  AAAAAAA=\n',
    'text\n\n— name AAAA\n',
    'te\txt\n\n— name AAAAAAA=\n',
    `text\n\n${'— name AAAAAAA=\n'.repeat(101)}`,
  ]) {
    it(`must not be read from ${JSON.stringify(note.slice(0, 40))}`, () => {
      assert.throws(() => parseNote(note));
    });
  }
});
