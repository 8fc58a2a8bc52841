import type { Command } from 'commander';
import type { WitnessOptions } from '../proofs/run-witness';

export function define(program: Command): void {
  program
    .command('witness')
    .description("cosign checkpoints of other ledgers' logs, each only if it continues the one before")
    .requiredOption('--name <name>', 'of the witness, such as witness.example/w1')
    .requiredOption(
      '--logs <file>',
      'verifier keys of the logs, one a line, as npx logline checkpoint --vkey prints them',
    )
    .option('--data <folder>', 'folder for its key and cosigned checkpoints', '.logline-witness')
    .option('--port <number>', 'to listen on; 0 takes any', '8788')
    .option('--host <address>', 'to listen on', '127.0.0.1')
    .addHelpText(
      'after',
      `
Answers POST /add-checkpoint (https://c2sp.org/tlog-witness). Prints its own verifier key, by which its cosignatures are
verified. Never restore an older copy of its folder: it would cosign a second history.

Examples:
  $ npx logline checkpoint --tenant acme --vkey > logs.vkeys
  $ npx logline witness --name witness.example/w1 --logs logs.vkeys`,
    )
    .action(async (options: WitnessOptions) => {
      const { runWitness } = await import('../proofs/run-witness');
      await runWitness(options);
    });
}
