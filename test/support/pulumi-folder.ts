import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..', '..');

/** What the stand-in for the Pulumi CLI shall do; see `pulumi-stand-in.ts`. */
export interface PulumiPlan {
  readonly resources: readonly string[];
  readonly failAt?: string;
  readonly waitAt?: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/** Puts a `pulumi` into `folder`; gives back the environment in which it is found. */
export function installPulumi(folder: string): Record<string, string> {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const command = [
    process.execPath,
    '--require',
    join(ROOT, 'cli', 'register-typescript.js'),
    join(ROOT, 'test', 'support', 'pulumi-stand-in.ts'),
  ];
  const file = join(bin, 'pulumi');
  writeFileSync(file, `#!/bin/sh\nexec ${command.map((part) => `'${part}'`).join(' ')} "$@"\n`);
  chmodSync(file, 0o755);
  return { PATH: [bin, process.env.PATH ?? ''].join(delimiter), STAND_IN_PULUMI: folder };
}

/** Tells the stand-in what to do from now on. */
export function planPulumi(folder: string, plan: PulumiPlan): void {
  writeFileSync(join(folder, 'plan.json'), JSON.stringify({ failAt: '', waitAt: '', outputs: {}, ...plan }));
}
