import type { Command } from 'commander';
import type { ProofOptions } from '../proofs/run-proof';

export function define(program: Command): void {
  program
    .command('proof')
    .description("fetch the proof that a span is in its tenant's log")
    .requiredOption('--id <uuid>', 'of the span')
    .option('--seq <number>', 'its version (default: the newest)')
    .option('--out <file>', 'write it to a file, such as span.tlog-proof (default: print it)')
    .option('--span <file>', 'also write the span to this file, so that both can be verified offline')
    .option('--url <url>', 'a running LogLine (default: the one that runs here)')
    .option('--token <token>', 'a token that may read the span (default: LOGLINE_TOKEN, else user dev)')
    .addHelpText(
      'after',
      `
Waits until the span is sealed, 20 s at most. The proof is a tlog-proof (https://c2sp.org/tlog-proof).

Examples:
  $ npx logline proof --id 019… --out span.tlog-proof --span span.json
  $ npx logline verify --span span.json --proof span.tlog-proof --vkey "$(npx logline checkpoint --vkey)"`,
    )
    .action(async (options: ProofOptions) => {
      const { runProof } = await import('../proofs/run-proof');
      await runProof(options);
    });
}
