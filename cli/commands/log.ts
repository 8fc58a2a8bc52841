import type { Command } from 'commander';
import type { ResumeOptions } from '../proofs/resume-log';

export function define(program: Command): void {
  const log = program.command('log').description("manage a tenant's log");
  log.addHelpText(
    'after',
    `
Examples:
  $ npx logline log resume --tenant acme`,
  );
  log
    .command('resume')
    .description('resume a log that the auditor stopped')
    .requiredOption('--tenant <name>', 'whose log')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Find the cause first (npx logline verify, docs/operations.md): the fault stays in the log for good, and a later fault stops
the log again. Spans that waited are sealed in order, and the auditor checks them again.

Examples:
  $ npx logline log resume --tenant acme`,
    )
    .action(async (options: ResumeOptions) => {
      const { resumeLog } = await import('../proofs/resume-log');
      await resumeLog(options);
    });
}
