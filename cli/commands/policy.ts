import { type Command, Option } from 'commander';
import type { PolicyOptions } from '../aws/print-policy';

export function define(program: Command): void {
  program
    .command('policy')
    .description('print the IAM policy that deploying or previewing a stack on AWS needs')
    .requiredOption('--stack <name>', 'the stack, configured in Pulumi.<name>.yaml')
    .addOption(new Option('--role <which>', 'whose').choices(['deploy', 'preview']).default('deploy'))
    .option('--account <id>', 'twelve digits (default: 123456789012, an example to replace)')
    .addHelpText(
      'after',
      `
Computed from the resources that the program registers; works offline. Access to the state backend is not included, see
docs/aws-iam.md.

Examples:
  $ npx logline policy --stack prod --account 210987654321 > deploy.json
  $ npx logline policy --stack prod --role preview`,
    )
    .action(async (options: PolicyOptions) => {
      const { printPolicy } = await import('../aws/print-policy');
      await printPolicy(options);
    });
}
