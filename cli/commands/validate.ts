import type { Command } from 'commander';
import type { ValidateOptions } from '../aws/validate/run-validate';

export function define(program: Command): void {
  program
    .command('validate')
    .description('check what a deployment to AWS needs: tools, credentials, configuration, files, quotas')
    .option('--stack <name>', 'the stack to deploy: also checks Pulumi.<name>.yaml')
    .option('--strict', 'warnings count as failures')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Changes nothing. Exits with 1 when something is missing. Without a network the AWS checks fail and the others still run.

Examples:
  $ npx logline validate --stack dev
  $ npx logline validate --stack prod --strict`,
    )
    .action(async (options: ValidateOptions) => {
      const { runValidate } = await import('../aws/validate/run-validate');
      await runValidate(options);
    });
}
