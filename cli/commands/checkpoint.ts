import type { Command } from 'commander';
import type { CheckpointOptions } from '../proofs/run-checkpoint';

export function define(program: Command): void {
  program
    .command('checkpoint')
    .description("print a signed checkpoint of a tenant's log, or its verifier keys")
    .option('--tenant <name>', "whose log (default: the token's tenant, else dev)")
    .option('--size <spans>', 'the checkpoint of this size (default: the newest)')
    .option('--vkey', 'print the verifier keys instead, one a line')
    .option('--out <file>', 'write it to a file')
    .option('--url <url>', 'a running LogLine (default: the one that runs here)')
    .option(
      '--token <token>',
      'a token of the tenant (default: LOGLINE_TOKEN, else one minted for the local run)',
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Keep checkpoints where the operator of the ledger cannot reach them: two of them show whether the log was rewritten
between them (npx logline verify --checkpoint).

Examples:
  $ npx logline checkpoint --tenant acme --out acme.checkpoint
  $ npx logline checkpoint --tenant acme --vkey`,
    )
    .action(async (options: CheckpointOptions) => {
      const { runCheckpoint } = await import('../proofs/run-checkpoint');
      await runCheckpoint(options);
    });
}
