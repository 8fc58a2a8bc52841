import type { Command } from 'commander';
import type { ResumeOptions } from '../proofs/resume-log';

export function define(program: Command): void {
  const log = program.command('log').description("what can be done with a tenant's log");
  log.addHelpText(
    'after',
    `
Examples:
  $ npx logline log resume --tenant acme`,
  );
  log
    .command('resume')
    .description('let a log go on that the audit has stopped')
    .requiredOption('--tenant <name>', 'whose log')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Look at the cause first (npx logline verify, docs/operations.md): the fault stays in the log for good, and what is found
behind it stops the log again. Spans that waited are sealed in their order, and the audit checks them again.

Examples:
  $ npx logline log resume --tenant acme`,
    )
    .action(async (options: ResumeOptions) => {
      const { resumeLog } = await import('../proofs/resume-log');
      await resumeLog(options);
    });
}
