import type { Command } from 'commander';
import type { DeployOptions } from '../deploy/deploy-stack';

export function define(program: Command): void {
  program
    .command('deploy')
    .description('deploy a stack to AWS: validate, bundle, pulumi up, migrations, smoke test')
    .requiredOption('--stack <name>', 'the stack, configured in Pulumi.<name>.yaml')
    .option('--yes', 'do not show a preview and ask first')
    .option('--preview-only', 'show what would change, and change nothing')
    .addHelpText(
      'after',
      `
Needs the Pulumi CLI and AWS credentials. After a failure or an interruption run it again; it continues where it
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
