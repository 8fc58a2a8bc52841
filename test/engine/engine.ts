/** `npm run test:engine`: runs the scenario of both stacks in Pulumi's own engine, if one is on PATH. */

import { describeChanges } from './changes';
import { ProgramHost } from './program-host';
import { findPulumi, PulumiCli } from './pulumi-cli';
import { describeLife } from './scenario';

const pulumi = findPulumi();
if (pulumi === undefined) {
  process.stdout.write(
    'No pulumi on PATH (DEVELOPERS.md says how to get it): the stand-in for its engine is used instead.\n',
  );
}
const open = async (stack: 'dev' | 'prod') =>
  pulumi === undefined ? new ProgramHost(stack) : PulumiCli.open(stack);
for (const stack of ['dev', 'prod'] as const) describeLife(stack, () => open(stack));
describeChanges(() => open('dev'));
