import type { Command } from 'commander';
import type { DestroyOptions } from '../deploy/destroy-stack';

export function define(program: Command): void {
  program
    .command('destroy')
    .description('delete a stack on AWS with everything in it, the ledger included')
    .requiredOption('--stack <name>', 'the stack')
    .option('--yes <name>', "the stack's name, to confirm without a prompt")
    .option('--really', 'confirm for a production stack')
    .addHelpText(
      'after',
      `
Prompts for the stack's name. A protected stack must be deployed with logline:protect false first.

Examples:
  $ npx logline destroy --stack dev
  $ npx logline destroy --stack dev --yes dev
  $ npx logline destroy --stack prod --really`,
    )
    .action(async (options: DestroyOptions) => {
      const { destroy } = await import('../deploy/destroy-stack');
      await destroy(options);
    });
}
