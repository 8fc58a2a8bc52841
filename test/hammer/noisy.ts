import { parseArgs } from 'node:util';
import { asMarkdown } from '../../bench/harness/report';
import { ATTACKS } from './attacks';
import { noisyReport } from './noisy-report';
import { endRounds, type Round, runRound } from './noisy-round';

// `npm run noisy -- [--seconds 10] [--rounds 1] [attack…]`: each attack of a bad tenant beside a good one, on a `npm
// start` of its own. The ratios count: the good tenant's latency during the attack to that before it.

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: 'string', default: '10' }, rounds: { type: 'string', default: '1' } },
    allowPositionals: true,
  });
  const seconds = Number(values.seconds);
  const rounds = Number(values.rounds);
  if (!(seconds > 0 && seconds <= 120) || !(Number.isInteger(rounds) && rounds > 0 && rounds <= 100))
    throw new Error('usage: npm run noisy -- [--seconds 1–120] [--rounds 1–100] [attack…]');
  const names = positionals.length === 0 ? Object.keys(ATTACKS) : positionals;
  for (const name of names) {
    if (!(name in ATTACKS))
      throw new Error(`${name} is no attack; there are ${Object.keys(ATTACKS).join(', ')}`);
  }
  const measured = new Map<string, readonly Round[]>();
  // Rounds are outermost, so that a temporary disturbance affects one round of each attack, not all rounds of one.
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of names) {
      measured.set(name, [...(measured.get(name) ?? []), await runRound(name, seconds * 1_000)]);
      process.stderr.write(`${name}: round ${round} of ${rounds} is over\n`);
    }
  }
  const report = noisyReport(measured);
  console.log(asMarkdown(report));
  if (report.goals.some(({ met }) => !met)) process.exitCode = 1;
}

for (const signal of SIGNALS) {
  process.once(signal, () => {
    void endRounds().finally(() => process.exit(1));
  });
}
main().catch((error) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
