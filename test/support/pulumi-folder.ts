import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..', '..');

/** Plan for the stand-in of the Pulumi CLI; see `pulumi-stand-in.ts`. */
export interface PulumiPlan {
  readonly resources: readonly string[];
  readonly failAt?: string;
  readonly waitAt?: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/** Installs a `pulumi` into `folder`; returns an environment whose PATH finds it. */
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

/** Sets the stand-in's plan. */
export function planPulumi(folder: string, plan: PulumiPlan): void {
  writeFileSync(join(folder, 'plan.json'), JSON.stringify({ failAt: '', waitAt: '', outputs: {}, ...plan }));
}
