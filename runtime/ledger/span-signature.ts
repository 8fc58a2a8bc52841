import { MalformedError } from '../base/errors';
import { LruCache } from '../base/lru-cache';
import type { Pause } from '../base/slices';
import type { SignedSpan, Span } from '../base/span';
import { blake3OfText, ed25519, hex, type SigningKey, toU8, VerifyingThread, verifyAsync } from '../crypto';
import { canonicalText, canonicalTextInSlices } from '../json/canonical-json';
import { payloadOf } from '../json/payload';
import { malformation, NOT_JSON, signatureMalformation } from '../json/span-form';
import { spanOfRow } from './span-row';

/** Why a span does not verify. */
export type SpanFault = 'malformed' | 'hash' | 'signature' | 'untrusted';

/** The outcome of {@link verifySpan}. `detail` may be shown to anyone. */
export type SpanVerdict = { readonly ok: true } | SpanRefusal;

/** Why a span does not verify, in words. */
export interface SpanRefusal {
  readonly ok: false;
  readonly fault: SpanFault;
  readonly detail: string;
}

/** Further requirements of {@link verifySpan}. */
export interface VerifySpanOptions {
  /** Public keys (lower-case hex), one of which must have signed. Defaults to any key. */
  readonly trustedKeys?: ReadonlySet<string>;
}

/**
 * The hash of a span: BLAKE3-256 over the RFC 8785 form of its payload, in lower-case hex. Ignores the span's own
 * `curr_hash` and `signature`.
 * @throws TypeError when a value in it is not JSON (see `canonicalText`)
 */
export function hashSpan(span: Partial<Span>): string {
  return hex(blake3OfText(canonicalText(payloadOf(span))));
}

/**
 * The span with `public_key`, `curr_hash` and `signature` set, replacing any that it had.
 * @throws MalformedError when {@link verifySpan} would call the span malformed
 */
export function signSpan(span: Span, key: SigningKey): SignedSpan {
  return hashAndSign(span, key).span;
}

/** A signed span and its JSON without null members, as stored and returned. */
export interface EncodedSpan {
  readonly span: SignedSpan;
  readonly json: string;
}

/**
 * {@link signSpan} that also returns the span's JSON: the hashed text with hash and signature appended. Hashing, storing
 * and answering share this text, so that a span is serialised once.
 * @throws MalformedError as signSpan does
 */
export function hashAndSign(span: Span, key: SigningKey): EncodedSpan {
  const hashed = hashedSpan(span, key);
  return withSignature(hashed, key.sign(hashed.hash));
}

/** A span with all members but its signature; enough for the next version to be linked to it. */
export interface HashedSpan {
  readonly span: Span & Pick<SignedSpan, 'public_key' | 'curr_hash'>;
  /** The hashed text: the payload in its RFC 8785 form. */
  readonly text: string;
  readonly hash: Uint8Array;
}

/** The first half of {@link hashAndSign}. @throws MalformedError as signSpan does */
export function hashedSpan(span: Span, key: SigningKey): HashedSpan {
  const unsigned = unsignedSpan(span, key);
  return hashedAs(
    unsigned,
    jsonOrUndefined(() => canonicalText(payloadOf(unsigned))),
  );
}

/** {@link hashedSpan} with pauses, for a span of many values. */
export async function hashedSpanInSlices(span: Span, key: SigningKey, pause: Pause): Promise<HashedSpan> {
  const unsigned = unsignedSpan(span, key);
  return hashedAs(unsigned, await textInSlices(unsigned, pause));
}

function unsignedSpan(span: Span, key: SigningKey): HashedSpan['span'] {
  const unsigned = { ...span, public_key: key.publicKeyHex, curr_hash: '' };
  const detail = malformation(unsigned);
  if (detail !== undefined) throw new MalformedError(detail);
  return unsigned;
}

function hashedAs(unsigned: HashedSpan['span'], text: string | undefined): HashedSpan {
  if (text === undefined) throw new MalformedError(NOT_JSON);
  const hash = blake3OfText(text);
  return { span: { ...unsigned, curr_hash: hex(hash) }, text, hash };
}

/** The second half of {@link hashAndSign}. */
export function withSignature({ span, text }: HashedSpan, signatureBytes: Uint8Array): EncodedSpan {
  const signed = { ...span, signature: hex(signatureBytes) };
  return { span: signed, json: signedText(text, signed) };
}

/** The JSON of a span, from the text that was hashed. */
function signedText(text: string, { curr_hash, signature }: SignedSpan): string {
  return `${text.slice(0, -1)},"curr_hash":"${curr_hash}","signature":"${signature}"}`;
}

/** An already signed span in the form that {@link hashAndSign} returns. */
export function encodeSigned(span: SignedSpan): EncodedSpan {
  return { span, json: JSON.stringify(spanOfRow(span)) };
}

/**
 * Verifies a single span: its form, then the hash, the signature, and whether the key is trusted. Never throws, whatever
 * the span contains. Does not check `prev_hash` against the previous version.
 */
export function verifySpan(span: Partial<Span>, options: VerifySpanOptions = {}): SpanVerdict {
  const toCheck = signatureToCheck(span);
  if ('ok' in toCheck) return toCheck;
  return verdictOn(toCheck, ed25519.verify(toCheck.signature, toCheck.hash, toCheck.publicKey), options);
}

/** {@link verifySpan} without the signature, for a span with the hash of one that was verified. */
export function verifyHash(span: Partial<Span>): SpanVerdict {
  const toCheck = signatureToCheck(span);
  return 'ok' in toCheck ? toCheck : { ok: true };
}

/**
 * {@link verifySpan} with the signature verified on libuv's thread pool, for callers with many spans: a hundred in
 * flight keep every core busy.
 */
export async function verifySpanAsync(
  span: Partial<Span>,
  options: VerifySpanOptions = {},
): Promise<SpanVerdict> {
  const toCheck = signatureToCheck(span);
  if ('ok' in toCheck) return toCheck;
  return verdictOn(toCheck, await verifyAsync(toCheck.signature, toCheck.hash, toCheck.publicKey), options);
}

/** {@link verifySpan} with pauses, for a span of many values. Accepts any key. */
export async function verifySpanInSlices(span: Partial<Span>, pause: Pause): Promise<SpanVerdict> {
  const text = await textInSlices(span, pause);
  const toCheck = signatureToCheck(span, () => (text === undefined ? undefined : blake3OfText(text)));
  if ('ok' in toCheck) return toCheck;
  return verdictOn(toCheck, ed25519.verify(toCheck.signature, toCheck.hash, toCheck.publicKey), {});
}

/** A span with verified form and hash, and an unverified signature. */
export interface UncheckedSpan extends EncodedSpan, SignatureToCheck {}

/** {@link verifyHash} that returns the input of {@link verifySignatures}. */
export function hashVerified(span: Partial<Span>): UncheckedSpan | SpanRefusal {
  return unchecked(span, contentText(span));
}

/** {@link hashVerified} with pauses, for a span of many values. */
export async function hashVerifiedInSlices(
  span: Partial<Span>,
  pause: Pause,
): Promise<UncheckedSpan | SpanRefusal> {
  return unchecked(span, await textInSlices(span, pause));
}

function unchecked(span: Partial<Span>, text: string | undefined): UncheckedSpan | SpanRefusal {
  if (text === undefined) return { ok: false, fault: 'malformed', detail: NOT_JSON };
  const toCheck = signatureToCheck(span, () => blake3OfText(text));
  if ('ok' in toCheck) return toCheck;
  const signed = span as SignedSpan;
  return { ...toCheck, span: signed, json: signedText(text, signed) };
}

/** Shared by the process. */
const verifyingThread = new VerifyingThread();

/** Verifies signatures on another thread; returns the verdicts in order. */
export async function verifySignatures(spans: readonly UncheckedSpan[]): Promise<readonly SpanVerdict[]> {
  const areGood = await verifyingThread.verify(spans);
  return spans.map((span, index) => verdictOn(span, areGood[index] === true, {}));
}

/** Valid signatures, keyed by hash, signature and public key. */
const validSignatures = new LruCache<true>(4_096);

/**
 * {@link verifySpan} for spans that are verified repeatedly, such as a function at each run: form and hash are checked
 * every time, the same signature over the same hash only once.
 */
export function verifySpanCached(span: Partial<Span>, options: VerifySpanOptions = {}): SpanVerdict {
  const toCheck = signatureToCheck(span);
  if ('ok' in toCheck) return toCheck;
  const name = `${hex(toCheck.hash)}${hex(toCheck.signature)}${toCheck.publicKeyHex}`;
  const isGood =
    validSignatures.get(name) ?? ed25519.verify(toCheck.signature, toCheck.hash, toCheck.publicKey);
  if (isGood) validSignatures.set(name, true);
  return verdictOn(toCheck, isGood, options);
}

/** The signature of a span whose form and hash are valid. */
interface SignatureToCheck {
  readonly hash: Uint8Array;
  readonly signature: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly publicKeyHex: string;
}

/** @param contentDigest hashes the span; returns undefined when JSON cannot carry its content */
function signatureToCheck(
  span: Partial<Span>,
  contentDigest: (span: Partial<Span>) => Uint8Array | undefined = digestOf,
): SignatureToCheck | SpanRefusal {
  const malformed = malformation(span) ?? signatureMalformation(span);
  if (malformed !== undefined) return { ok: false, fault: 'malformed', detail: malformed };
  const { curr_hash: claimed, signature, public_key: publicKey } = span;
  if (typeof claimed !== 'string' || typeof signature !== 'string' || typeof publicKey !== 'string') {
    return { ok: false, fault: 'malformed', detail: 'the span is not signed' };
  }
  const hash = contentDigest(span);
  if (hash === undefined) return { ok: false, fault: 'malformed', detail: NOT_JSON };
  const computed = hex(hash);
  if (computed !== claimed) {
    return { ok: false, fault: 'hash', detail: `curr_hash is ${claimed}, the content hashes to ${computed}` };
  }
  return { hash, signature: toU8(signature), publicKey: toU8(publicKey), publicKeyHex: publicKey };
}

function verdictOn(
  { publicKeyHex }: SignatureToCheck,
  isGood: boolean,
  { trustedKeys }: VerifySpanOptions,
): SpanVerdict {
  if (!isGood) {
    return {
      ok: false,
      fault: 'signature',
      detail: `signature is not one of ${publicKeyHex} over curr_hash`,
    };
  }
  if (trustedKeys !== undefined && !trustedKeys.has(publicKeyHex)) {
    return { ok: false, fault: 'untrusted', detail: `public_key ${publicKeyHex} is not trusted` };
  }
  return { ok: true };
}

function digestOf(span: Partial<Span>): Uint8Array | undefined {
  const text = contentText(span);
  return text === undefined ? undefined : blake3OfText(text);
}

function contentText(span: Partial<Span>): string | undefined {
  return jsonOrUndefined(() => canonicalText(payloadOf(span)));
}

async function textInSlices(span: Partial<Span>, pause: Pause): Promise<string | undefined> {
  try {
    return await canonicalTextInSlices(payloadOf(span), pause);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The result of `write`, or undefined when it throws because JSON cannot carry something. */
function jsonOrUndefined<T>(write: () => T): T | undefined {
  try {
    return write();
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
