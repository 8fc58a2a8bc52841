import { checkJsonProof, type ProofCheck } from '../../../client/src/proofs/json-proof';
import type { Ledger, Span } from './ledger';

/** Result of checking in this browser that the log of the tenant contains a version. */
export type SpanProof =
  | ProofCheck
  /** Not sealed yet. */
  | { readonly state: 'pending' }
  /** The ledger keeps no log, or serves no proofs to this token. */
  | { readonly state: 'none' };

/** Requests the proof of a version and checks it, from the leaf computed of its JSON to a signed checkpoint. */
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
