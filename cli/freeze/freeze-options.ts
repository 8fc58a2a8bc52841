import type { Command } from 'commander';

/** Adds the options of the place that `freeze` and `thaw` act on. */
export function withPlace(command: Command): Command {
  return command
    .option('--url <url>', 'use the API of this LogLine, as the operator')
    .option('--stack <stack>', 'use the API of a stack on AWS, as the operator')
    .option(
      '--token <token>',
      'of tenant system with scope admin, for --url (default: LOGLINE_TOKEN, else made with the key of the local run or of --stack)',
    );
}
