import type { Command } from 'commander';

export function define(program: Command): void {
  program
    .command('preview')
    .description('show what deploying a stack on AWS would change, and change nothing')
    .requiredOption('--stack <name>', 'the stack, configured in Pulumi.<name>.yaml')
    .addHelpText(
      'after',
      `
Needs the Pulumi CLI and AWS credentials with read access. The same as deploy --preview-only.

Examples:
  $ npx logline preview --stack dev`,
    )
    .action(async ({ stack }: { readonly stack: string }) => {
      const { deploy } = await import('../deploy/deploy-stack');
      await deploy({ stack, previewOnly: true });
    });
}
