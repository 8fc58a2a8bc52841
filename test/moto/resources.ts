/** Prints every resource of every stack that the rules are held against, as JSON: what `replay.py` replays. */

import { dryRun } from '../../infra/dry-run';
import { recordOf, STACKS, stackOf } from '../infra/subject';

async function main(): Promise<void> {
  const stacks: Record<string, unknown> = {};
  for (const [name, options] of Object.entries(STACKS)) {
    const { resources } = await stackOf(name, await dryRun(options));
    stacks[name] = resources
      .filter(({ custom }) => custom)
      .map(({ type, name: logical, inputs }) => ({ type, name: logical, inputs: recordOf(inputs) }));
  }
  process.stdout.write(JSON.stringify(stacks));
}

void main();
