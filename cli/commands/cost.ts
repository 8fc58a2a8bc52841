import type { Command } from 'commander';
import type { CostOptions } from '../aws/run-cost';

export function define(program: Command): void {
  program
    .command('cost')
    .description('estimate the monthly cost of a stack from its declared resources; works offline')
    .requiredOption('--stack <name>', 'the stack, configured in Pulumi.<name>.yaml')
    .option('--requests <count>', 'calls of the API a month', '100000')
    .option('--nat-gb <count>', 'GB a month through NAT gateways, where there are some', '10')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ npx logline cost --stack dev
  $ npx logline cost --stack prod --requests 5000000 --json`,
    )
    .action(async (options: CostOptions) => {
      const { printCost } = await import('../aws/run-cost');
      await printCost(options);
    });
}
