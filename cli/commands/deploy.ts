import type { Command } from 'commander';
import type { DeployOptions } from '../deploy/deploy-stack';

export function define(program: Command): void {
  program
    .command('deploy')
    .description('bring a stack on AWS up to date: validate, bundle, pulumi up, migrations, smoke test')
    .requiredOption('--stack <name>', 'the stack, configured in Pulumi.<name>.yaml')
    .option('--yes', 'do not show a preview and ask first')
    .option('--preview-only', 'show what would change, and change nothing')
    .addHelpText(
      'after',
      `
Needs the Pulumi CLI and AWS credentials. Run again after a failure or an interruption, it goes on where it
stopped. The smoke test appends a few spans as user smoke, which stay.

Examples:
  $ npx logline deploy --stack dev
  $ npx logline deploy --stack prod --preview-only
  $ npx logline deploy --stack dev --yes`,
    )
    .action(async (options: DeployOptions) => {
      const { deploy } = await import('../deploy/deploy-stack');
      await deploy(options);
    });
}
