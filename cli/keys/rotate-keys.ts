import { keyIdOf } from '../../runtime/auth';
import { changeKeys, rotate, signsWith, untilNoticed } from './key-change';

/** Options of `logline keys rotate`. */
export interface RotateOptions {
  /** Rotate the key of checkpoints instead of the key of spans. */
  readonly checkpoint?: boolean;
  readonly json?: boolean;
}

/** Rotates the local ledger's signing key and prints the new one. */
export async function rotateKeys({ json }: RotateOptions): Promise<void> {
  const { before, after } = await changeKeys(async (ledger) => {
    const rotated = await rotate(ledger);
    await untilNoticed(ledger.data, (client) => signsWith(client, rotated.signingKey.publicKeyHex));
    return { before: ledger.keys.signingKey.publicKeyHex, after: rotated.signingKey.publicKeyHex };
  });
  if (json) {
    process.stdout.write(`${JSON.stringify({ public_key: after, replaced_public_key: before })}\n`);
    return;
  }
  process.stdout.write(
    [
      `signs now  ${after} (key id ${keyIdOf(after)})`,
      `retired    ${before} (key id ${keyIdOf(before)})`,
      'Spans, tokens and cursors of the retired key stay valid. Back up keys.json: it holds both.',
      '',
    ].join('\n'),
  );
}
