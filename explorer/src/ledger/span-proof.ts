import { type JsonProof, verifySpanProof } from '../../../client/src/proofs';
import { listOf, numberOf, textOf } from '../json';
import type { KeyBook } from './key-book';
import type { Ledger, Span } from './ledger';

/** Whether a version stands in the log of its tenant, as this browser found. */
export type SpanProof =
  | {
      readonly state: 'included';
      readonly index: number;
      /** Spans in the log at the checkpoint that the proof leads to. */
      readonly size: number;
      readonly origin: string;
      readonly root: string;
    }
  /** Not sealed yet; it takes a moment. */
  | { readonly state: 'pending' }
  /** The ledger keeps no log, or proves nothing of it to this token. */
  | { readonly state: 'none' }
  | { readonly state: 'fault'; readonly faults: readonly string[] };

/** Asks for the proof of a version and checks it: from the leaf that its JSON gives to a checkpoint that a key signed. */
export async function readProof(ledger: Ledger, span: Span): Promise<SpanProof> {
  const [{ status, body }, book] = await Promise.all([
    ledger.answer({ path: `/api/spans/${encodeURIComponent(span.id)}/proof?seq=${span.seq}` }),
    ledger.keys(),
  ]);
  if (status === 202) return { state: 'pending' };
  if (status !== 200) return { state: 'none' };
  const proof = proofOf(body);
  if (proof === undefined)
    return { state: 'fault', faults: ['the ledger answered with something else than a proof'] };
  const { ok, faults, index, checkpoint } = await verifySpanProof(
    span,
    proof,
    await verifierKeys(book, span.tenant_id),
  );
  if (!ok || index === undefined || checkpoint === undefined) return { state: 'fault', faults };
  const { size, origin, root } = checkpoint;
  return { state: 'included', index, size, origin, root };
}

function proofOf(body: unknown): JsonProof | undefined {
  const index = numberOf(body, 'index');
  const checkpoint = textOf(body, 'checkpoint');
  if (index === undefined || checkpoint === undefined) return undefined;
  return { index, checkpoint, hashes: listOf(body, 'hashes').filter((hash) => typeof hash === 'string') };
}

/** Type of an Ed25519 key (https://c2sp.org/signed-note). */
const ED25519 = 1;

/** The checkpoint keys as verifier keys of the tenant's log: name, key id, and base64 of type and key. */
async function verifierKeys(
  { origin, earlierOrigins, keys }: KeyBook,
  tenant: string,
): Promise<readonly string[]> {
  const names = [origin, ...earlierOrigins].map((instance) => `${instance}/${encodeURIComponent(tenant)}`);
  return (await Promise.all(names.map((name) => keysNamed(name, keys)))).flat();
}

function keysNamed(name: string, keys: KeyBook['keys']): Promise<readonly string[]> {
  const encoder = new TextEncoder();
  return Promise.all(
    keys
      .filter(({ purpose }) => purpose === 'checkpoint')
      .map(async ({ publicKey }) => {
        const key = Uint8Array.from(publicKey.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
        const hashed = Uint8Array.of(...encoder.encode(`${name}\n`), ED25519, ...key);
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', hashed));
        const id = Array.from(digest.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join('');
        return `${name}+${id}+${btoa(String.fromCharCode(ED25519, ...key))}`;
      }),
  );
}
