import type { Command } from 'commander';
import type { ValidateOptions } from '../aws/validate/run-validate';

export function define(program: Command): void {
  program
    .command('validate')
    .description('check what a deployment to AWS needs: tools, credentials, configuration, files, quotas')
    .option('--stack <name>', 'the stack to be deployed: checks Pulumi.<name>.yaml, in its region')
    .option('--strict', 'warnings count as failures')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Changes nothing. Exits with 1 when something is missing; without a network the checks of AWS fail and the others
still count.

Examples:
  $ npx logline validate --stack dev
  $ npx logline validate --stack prod --strict`,
    )
    .action(async (options: ValidateOptions) => {
      const { runValidate } = await import('../aws/validate/run-validate');
      await runValidate(options);
    });
}
