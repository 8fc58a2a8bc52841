import { CheckpointKeyFile } from '../../local/checkpoint-keys';
import { dataDirectory } from '../../local/data-directory';
import { requireKeys } from '../../local/keys';
import type { RotateOptions } from './rotate-keys';

/** Rotates the local ledger's checkpoint key and prints the new one. A running ledger picks it up. */
export async function rotateCheckpointKey({ json }: RotateOptions): Promise<void> {
  const data = dataDirectory();
  await requireKeys(data);
  const file = new CheckpointKeyFile(data.checkpointKeys);
  await file.prepare();
  const before = file.keys().current.publicKeyHex;
  const after = (await file.rotate()).current.publicKeyHex;
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ public_key: after, replaced_public_key: before, purpose: 'checkpoint' })}\n`,
    );
    return;
  }
  process.stdout.write(
    [
      `signs checkpoints now  ${after}`,
      `signs beside it        ${before}, for 30 days`,
      'Give verifiers the new key: npx logline checkpoint --vkey. Back up checkpoint-keys.json: it holds both.',
      '',
    ].join('\n'),
  );
}
