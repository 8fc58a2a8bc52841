import { setTimeout as delay } from 'node:timers/promises';
import { OperatorError } from '../../local/operator-error';
import { keyIdOf } from '../../runtime/auth';
import { callMigrator } from '../aws/migrator';
import { stackSettings } from '../aws/stack-file';
import { timestampOption } from '../timestamp-option';
import type { RevokeOptions } from './revoke-key';

/** Margin on the wait that the migrator demands, because clocks differ. */
const SPARE_SECONDS = 1;

/**
 * Rotates a stack's signing key inside AWS: the migrator announces the new key, which signs once every function has read
 * it. Repeat the call after an interruption.
 * @throws OperatorError with the migrator's reason
 */
export async function rotateStackKeys(stack: string, { json }: { readonly json?: boolean }): Promise<void> {
  const settings = stackSettings(stack);
  const announced = await callMigrator(settings, { change: 'announce_key' });
  if (announced.promoteInSeconds > 0 && !json) {
    process.stdout.write(
      `announced the next key; it signs in ${announced.promoteInSeconds} s, when every function has read it (Ctrl-C is safe: run this again)\n`,
    );
  }
  if (announced.promoteInSeconds > 0) await delay((announced.promoteInSeconds + SPARE_SECONDS) * 1_000);
  const { publicKeyHex = '' } = await callMigrator(settings, { change: 'promote_key' });
  process.stdout.write(
    json
      ? `${JSON.stringify({ public_key: publicKeyHex, replaced_public_key: announced.publicKeyHex ?? null })}\n`
      : `signs now  ${publicKeyHex} (key id ${keyIdOf(publicKeyHex)})\nSpans, tokens and cursors of the retired key stay valid.\n`,
  );
}

/** Rotates the passwords of a stack's database roles; functions log in with either version meanwhile. */
export async function rotateStackPasswords(
  stack: string,
  { json }: { readonly json?: boolean },
): Promise<void> {
  await callMigrator(stackSettings(stack), { change: 'rotate_passwords' });
  process.stdout.write(
    json ? '{"rotated":"passwords"}\n' : 'every role of the database has a new password\n',
  );
}

/**
 * Rotates a stack's checkpoint key inside AWS.
 * @throws OperatorError with the migrator's reason
 */
export async function rotateStackCheckpointKey(
  stack: string,
  { json }: { readonly json?: boolean },
): Promise<void> {
  const { checkpointKeys } = await callMigrator(stackSettings(stack), { change: 'rotate_checkpoint_key' });
  if (checkpointKeys === undefined)
    throw new OperatorError(`the migrator of stack "${stack}" is older than this program; deploy first`);
  const { public_key, replaced_public_key } = checkpointKeys;
  process.stdout.write(
    json
      ? `${JSON.stringify({ public_key, replaced_public_key, purpose: 'checkpoint' })}\n`
      : [
          `signs checkpoints within five minutes  ${public_key}`,
          `signs beside it                        ${replaced_public_key}, for 30 days`,
          'Then give verifiers the new key: npx logline checkpoint --vkey.',
          '',
        ].join('\n'),
  );
}

/**
 * Revokes a key of a stack that no longer signs.
 * @throws OperatorError (exit code 2) for an abbreviated key, or with the migrator's reason
 */
export async function revokeStackKey(stack: string, options: RevokeOptions): Promise<void> {
  const publicKey = options.publicKey.toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(publicKey)) {
    throw new OperatorError('with --stack, --public-key must be all 64 hexadecimal digits', { exitCode: 2 });
  }
  if (options.keepManifest || options.reason !== undefined) {
    throw new OperatorError('--keep-manifest and --reason are for local runs', { exitCode: 2 });
  }
  const since = timestampOption(options.since, '--since');
  const { keys, seeds } = await callMigrator(stackSettings(stack), {
    change: 'revoke_key',
    public_key: publicKey,
    ...(since === undefined ? {} : { since }),
  });
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ revoked_public_key: publicKey, signed_anew: seeds })}\n`
      : `${[...keys, ...seeds.map((name) => `signed again ${name}`), `revoked ${publicKey}`, 'Functions refuse its tokens within five minutes.'].join('\n')}\n`,
  );
}
