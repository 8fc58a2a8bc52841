import { writeFile } from 'node:fs/promises';
import { OperatorError } from '../../local/operator-error';
import { member } from '../ledger-api';
import { resolveTarget, type TargetOptions } from '../target';

/** Options of `logline proof`. */
export interface ProofOptions extends TargetOptions {
  readonly id: string;
  readonly seq?: string;
  readonly out?: string;
  readonly span?: string;
}

/** Fetches the proof of a span, and optionally the span itself. */
export async function runProof(options: ProofOptions): Promise<void> {
  const { client } = await resolveTarget(options);
  const id = encodeURIComponent(options.id);
  const seq = options.seq === undefined ? '' : `?seq=${encodeURIComponent(options.seq)}`;
  const proof = await client.demandText(`/api/spans/${id}/proof${seq}`, { prefer: 'wait=20' });
  if (options.span !== undefined) {
    const span = member(await client.demand(`/api/spans/${id}${seq}`), 'span');
    if (span === undefined) throw new OperatorError(`${client.url} does not answer like LogLine: no "span"`);
    await writeFile(options.span, `${JSON.stringify(span)}\n`);
  }
  if (options.out === undefined) process.stdout.write(proof);
  else await writeFile(options.out, proof);
}
