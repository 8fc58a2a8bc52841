import { HASH_BYTES, leafHash, type Sha256 } from './merkle-hash';

/** The content of a span's leaf: the span's key, and a hash of its content. */
export interface LeafSource {
  /** Lower-case UUID. */
  readonly id: string;
  readonly seq: number;
  /** BLAKE3-256 of the span's payload, lower-case hex. */
  readonly curr_hash: string;
}

const encoder = new TextEncoder();

/** The RFC 8785 text of a leaf. Its members are in order, and none of them needs an escape. */
export function leafText({ curr_hash, id, seq }: LeafSource): string {
  return `{"curr_hash":"${curr_hash}","id":"${id}","seq":${seq}}`;
}

/** The hash of a span's leaf. */
export function leafHashOf<Hash>(sha256: Sha256<Hash>, source: LeafSource): Hash {
  return leafHash(sha256, encoder.encode(leafText(source)));
}

/**
 * A bundle of entries (tlog-tiles): each leaf preceded by its length in two bytes, big-endian.
 * @param sources at most 256
 */
export function entryBundle(sources: readonly LeafSource[]): Uint8Array {
  const texts = sources.map((source) => encoder.encode(leafText(source)));
  const bundle = new Uint8Array(texts.reduce((length, text) => length + 2 + text.length, 0));
  let at = 0;
  for (const text of texts) {
    bundle[at] = text.length >> 8;
    bundle[at + 1] = text.length & 0xff;
    bundle.set(text, at + 2);
    at += 2 + text.length;
  }
  return bundle;
}

/** Cuts bytes into hashes; undefined when their length is not a multiple of 32. */
export function hashesOf(bytes: Uint8Array): Uint8Array[] | undefined {
  if (bytes.length % HASH_BYTES !== 0) return undefined;
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}
