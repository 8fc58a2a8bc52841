import { checkJsonProof, type ProofCheck } from '../../../client/src/proofs/json-proof';
import type { Ledger, Span } from './ledger';

/** Whether a version stands in the log of its tenant, as this browser found. */
export type SpanProof =
  | ProofCheck
  /** Not sealed yet; it takes a moment. */
  | { readonly state: 'pending' }
  /** The ledger keeps no log, or proves nothing of it to this token. */
  | { readonly state: 'none' };

/** Asks for the proof of a version and checks it: from the leaf that its JSON gives to a checkpoint that a key signed. */
export async function readProof(ledger: Ledger, span: Span): Promise<SpanProof> {
  const [{ status, body }, { origin = '', earlierOrigins, keys }] = await Promise.all([
    ledger.answer({ path: `/api/spans/${encodeURIComponent(span.id)}/proof?seq=${span.seq}` }),
    ledger.keys(),
  ]);
  if (status === 202) return { state: 'pending' };
  if (status !== 200) return { state: 'none' };
  return checkJsonProof(span, body, {
    origins: [origin, ...earlierOrigins],
    checkpointKeys: keys.filter(({ purpose }) => purpose === 'checkpoint').map(({ publicKey }) => publicKey),
  });
}
