import { portableBytes } from '../../../runtime/crypto/portable-hex';
import { fromBase64, toBase64 } from '../../../runtime/proofs/base64';
import { type Checkpoint, originOf, parseCheckpoint } from '../../../runtime/proofs/checkpoint';
import { type LeafSource, leafHashOf } from '../../../runtime/proofs/leaf';
import { verifyInclusion } from '../../../runtime/proofs/merkle-proof';
import { member } from '../error';
import { verifyEd25519 } from '../verify/web-ed25519';

/** The instance whose logs a proof may belong to. */
export interface Instance {
  /** Its origin, and its origins before restores. */
  readonly origins: readonly string[];
  /** Its checkpoint keys, in hex. */
  readonly checkpointKeys: readonly string[];
}

/** Result of checking a proof. */
export type ProofCheck =
  | {
      readonly state: 'included';
      readonly index: number;
      /** Size of the log at the proof's checkpoint. */
      readonly size: number;
      readonly origin: string;
      /** Base64. */
      readonly root: string;
    }
  | { readonly state: 'fault'; readonly fault: string };

/**
 * `verifySpanProof` in a third of its size, for a page that must be small: only the JSON form, with the keys of
 * `/api/keys`, without witnesses. A test compares the two.
 * @param proof the answer of the ledger; any other value is a fault
 * @throws Error only when WebCrypto lacks Ed25519
 */
export async function checkJsonProof(
  span: LeafSource & { readonly tenant_id: string },
  proof: unknown,
  instance: Instance,
): Promise<ProofCheck> {
  const note = String(member(proof, 'checkpoint'));
  // A signed note is a text, an empty line and signature lines (https://c2sp.org/signed-note).
  const end = note.lastIndexOf('\n\n') + 1;
  const text = note.slice(0, end);
  let checkpoint: Checkpoint;
  try {
    checkpoint = parseCheckpoint(text);
  } catch (error) {
    return faulty(String(error));
  }
  const { origin, size, root } = checkpoint;
  if (!(await isSigned(origin, text, note.slice(end), span.tenant_id, instance)))
    return faulty(`no key of this instance signed its checkpoint of ${origin}`);
  const index = Number(member(proof, 'index'));
  const given = member(proof, 'hashes');
  const hashes = (Array.isArray(given) ? given : []).map(
    (hash) => fromBase64(String(hash)) ?? new Uint8Array(),
  );
  const leaf = await leafHashOf(sha256, span);
  return (await verifyInclusion(sha256, { leaf, index, size, root }, hashes))
    ? { state: 'included', index, size, origin, root: toBase64(root) }
    : faulty(`it is not at position ${index} of the log of ${size} spans`);
}

const MAX_SIGNATURES = 100;
/** Bytes of the key id before a signature. */
const KEY_ID_BYTES = 4;

/** Whether the instance signed a text for the log of a tenant, under its present or an earlier origin. */
async function isSigned(
  origin: string,
  text: string,
  signatures: string,
  tenant: string,
  { origins, checkpointKeys }: Instance,
): Promise<boolean> {
  if (!origins.some((one) => originOf(one, tenant) === origin)) return false;
  const message = new TextEncoder().encode(text);
  for (const line of signatures.split('\n').slice(0, MAX_SIGNATURES)) {
    const [, name, base64 = ''] = line.split(' ');
    const signature = fromBase64(base64)?.slice(KEY_ID_BYTES);
    if (name !== origin || signature === undefined) continue;
    for (const key of checkpointKeys)
      if (await verifyEd25519(signature, message, portableBytes(key))) return true;
  }
  return false;
}

function faulty(fault: string): ProofCheck {
  return { state: 'fault', fault };
}

async function sha256(...parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const bytes = await new Blob(parts.map((part) => Uint8Array.from(part))).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}
