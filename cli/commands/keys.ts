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
    .option('--url <url>', 'of a running LogLine; needs no token (default: the one that runs here)')
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
    .option('--checkpoint', 'rotate the key of checkpoints instead; the old one also signs for 30 days')
    .option('--stack <name>', 'of a stack on AWS, by its migrator; takes six minutes')
    .option('--passwords', "rotate the passwords of a stack's database roles instead")
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
A running ledger picks up the key without a restart and without failing a request. The old key introduces the new one in
the ledger, so that verify accepts the change; everything the old key signed stays valid, including tokens and cursors.
Run it again to finish an interrupted rotation.

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
    .description('revoke a key for good: its tokens stop working, and verify reports what it signed')
    .requiredOption('--public-key <hex>', 'the public key, or its id of 16 digits, as keys show prints it')
    .option(
      '--since <timestamp>',
      'when the key was compromised: RFC 3339, or 24h for a day ago (default: now)',
    )
    .option('--reason <text>', 'reason, which becomes part of the public key history')
    .option('--stack <name>', 'of a stack on AWS; rotate first when the key still signs')
    .option('--keep-manifest', 'trust a manifest of your own that the key signed, and sign it again')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Revoking the current signing key rotates it first. Manifest and kernels are signed again. A revocation cannot be undone.

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
    .description("continue under the key of LOGLINE_DATA when the ledger's keys are lost")
    .option('--yes', 'confirm; adopting a key cannot be undone')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
A ledger signed by other keys does not start. If its keys.json still exists, put it into LOGLINE_DATA instead. An adopted
key is public as a span of type instance_key with adopted: true, and verify reports it: everyone who trusted the earlier
keys has to decide whether to trust this one. Stop the ledger first.

Examples:
  $ npx logline keys adopt --yes
  $ DATABASE_URL=postgres://owner:secret@db.example:5432/logline npx logline keys adopt --yes`,
    )
    .action(async (options: AdoptOptions) => {
      const { adoptKey } = await import('../keys/adopt-key');
      await adoptKey(options);
    });
}
