import type { Command } from 'commander';
import { OperatorError } from '../../local/operator-error';
import type { AdoptOptions } from '../keys/adopt-key';
import type { RevokeOptions } from '../keys/revoke-key';
import type { RotateOptions } from '../keys/rotate-keys';
import type { ShowOptions } from '../keys/show-keys';

interface StackRotation {
  readonly stack?: string;
  readonly passwords?: boolean;
}

export function define(program: Command): void {
  const keys = program
    .command('keys')
    .description('show, rotate and revoke the keys that sign spans and tokens')
    .addHelpText(
      'after',
      `
Examples:
  $ npx logline keys show
  $ npx logline keys rotate
  $ npx logline keys revoke --public-key 4f5b24bbeb9414d3 --reason "laptop stolen"`,
    );
  defineShow(keys);
  defineRotate(keys);
  defineRevoke(keys);
  defineAdopt(keys);
}

function defineShow(keys: Command): void {
  keys
    .command('show')
    .description('print the public key, its id and the key history')
    .option('--url <url>', 'of a running LogLine elsewhere; needs no token (default: the one here)')
    .option('--stack <name>', 'of a stack on AWS')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ npx logline keys show
  $ npx logline keys show --url https://ledger.example --json`,
    )
    .action(async (options: ShowOptions) => {
      const { showKeys } = await import('../keys/show-keys');
      await showKeys(options);
    });
}

function defineRotate(keys: Command): void {
  keys
    .command('rotate')
    .description('sign with a new key from now on')
    .option('--checkpoint', 'the key that signs checkpoints instead; the old one signs beside it for 30 days')
    .option('--stack <name>', 'of a stack on AWS, whose migrator makes the key; takes six minutes')
    .option('--passwords', 'of the database roles of a stack instead of its key')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
The running ledger follows without a restart and without failing a request. The old key introduces the new one
in the ledger, so that verify can follow the change; what the old key signed stays valid, tokens and cursors too.
An interrupted rotation is finished by running it again.

Examples:
  $ npx logline keys rotate
  $ npx logline keys rotate --checkpoint
  $ DATABASE_URL=postgres://owner:secret@db.example:5432/logline npx logline keys rotate
  $ npx logline keys rotate --stack prod
  $ npx logline keys rotate --checkpoint --stack prod`,
    )
    .action(async ({ stack, passwords, ...options }: RotateOptions & StackRotation) => {
      if (passwords && stack === undefined) {
        throw new OperatorError('--passwords needs --stack', { exitCode: 2 });
      }
      if (stack !== undefined) {
        if (options.checkpoint && passwords)
          throw new OperatorError('give either --checkpoint or --passwords', { exitCode: 2 });
        const stackKeys = await import('../keys/stack-keys');
        if (passwords) await stackKeys.rotateStackPasswords(stack, options);
        else if (options.checkpoint) await stackKeys.rotateStackCheckpointKey(stack, options);
        else await stackKeys.rotateStackKeys(stack, options);
        return;
      }
      if (options.checkpoint) {
        const { rotateCheckpointKey } = await import('../keys/rotate-checkpoint-key');
        await rotateCheckpointKey(options);
        return;
      }
      const { rotateKeys } = await import('../keys/rotate-keys');
      await rotateKeys(options);
    });
}

function defineRevoke(keys: Command): void {
  keys
    .command('revoke')
    .description('withdraw a key for good: its tokens stop working, and verify reports what it signed')
    .requiredOption('--public-key <hex>', 'the key, or its id of 16 digits, as keys show prints it')
    .option(
      '--since <timestamp>',
      'since when the key may be in wrong hands: RFC 3339, or 24h (default: now)',
    )
    .option('--reason <text>', 'why; goes into the public key history')
    .option('--stack <name>', 'of a stack on AWS; rotate first when the key still signs')
    .option('--keep-manifest', 'trust a manifest of your own that the key signed, and sign it anew')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
The key that signs now can be revoked too: a new one takes its place first. What boots is signed anew. A
revocation cannot be taken back.

Examples:
  $ npx logline keys revoke --public-key 4f5b24bbeb9414d3
  $ npx logline keys revoke --public-key 4f5b24bbeb9414d3 --since 2026-01-31T12:00:00Z --reason "laptop stolen"`,
    )
    .action(async ({ stack, ...options }: RevokeOptions & { readonly stack?: string }) => {
      if (stack !== undefined) {
        const { revokeStackKey } = await import('../keys/stack-keys');
        await revokeStackKey(stack, options);
        return;
      }
      const { revokeKey } = await import('../keys/revoke-key');
      await revokeKey(options);
    });
}

function defineAdopt(keys: Command): void {
  keys
    .command('adopt')
    .description('go on under the key of LOGLINE_DATA when the keys of the ledger are lost')
    .option('--yes', 'it cannot be taken back')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
A ledger that is signed by other keys is not started. If keys.json of those can still be found, put it into LOGLINE_DATA
instead. An adopted key is public as a span of type instance_key with adopted: true, and verify names it: whoever
trusted the keys before has to decide about this one anew. Stop the ledger first.

Examples:
  $ npx logline keys adopt --yes
  $ DATABASE_URL=postgres://owner:secret@db.example:5432/logline npx logline keys adopt --yes`,
    )
    .action(async (options: AdoptOptions) => {
      const { adoptKey } = await import('../keys/adopt-key');
      await adoptKey(options);
    });
}
