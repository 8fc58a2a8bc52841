import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { LAYERS, REPOSITORY_ROOT } from '../../../infra/bundle';
import { LATEST_MIGRATION } from '../../../runtime/db/latest-migration.generated';
import { stackSettings } from '../stack-file';
import { fail, type Prerequisite, pass, warn } from './prerequisite';

const NODE_MAJOR = 24;
/** Files that the program needs, besides those that the layers name. */
const FILES = ['index.ts', 'Pulumi.yaml', 'tsconfig.json', 'package-lock.json', 'node_modules/@pulumi/aws'];

const node: Prerequisite = {
  name: 'Node',
  run: async () =>
    Number(process.versions.node.split('.')[0]) === NODE_MAJOR
      ? pass(`${process.versions.node}, the release that Lambda runs`)
      : warn(`${process.versions.node}; Lambda runs ${NODE_MAJOR}`, `use Node ${NODE_MAJOR}, or npx logline`),
};

const files: Prerequisite = {
  name: 'files',
  run: async () => {
    const wanted = [...FILES, ...Object.values(LAYERS).flatMap(({ entries }) => Object.values(entries))];
    const missing = wanted.filter((file) => !existsSync(join(REPOSITORY_ROOT, file)));
    return missing.length === 0
      ? pass(`the program and the sources of ${Object.keys(LAYERS).length} layers are there`)
      : fail(`missing: ${missing.join(', ')}`, 'restore them (git checkout), or run npm ci');
  },
};

const migrations: Prerequisite = {
  name: 'migrations',
  run: async () => {
    const names = readdirSync(join(REPOSITORY_ROOT, 'sql')).filter((name) => name.endsWith('.sql'));
    const faults = migrationFaults(names.sort(), LATEST_MIGRATION);
    return faults.length === 0
      ? pass(`${names.length}, each number once, the last is ${LATEST_MIGRATION}`)
      : fail(faults.join('; '), 'restore sql/ (git checkout); after adding a migration run npm run generate');
  },
};

/**
 * Faults in the numbering of migrations: each file is `000001_….sql`, each number occurs once. Gaps are allowed, because
 * parallel work reserves ranges.
 * @param names file names, sorted
 * @param latest name of the last migration that the program expects, without `.sql`
 */
export function migrationFaults(names: readonly string[], latest: string): string[] {
  const faults = names.filter((name) => !/^\d{6}_[a-z0-9_]+\.sql$/.test(name)).map((name) => `sql/${name}`);
  if (faults.length > 0) return [`not named like 000001_name.sql: ${faults.join(', ')}`];
  const numbers = names.map((name) => Number(name.slice(0, 6)));
  const wrong = numbers.findIndex((number, index) => index > 0 && number === numbers[index - 1]);
  if (wrong >= 0) return [`sql/${names[wrong]} has the number of sql/${names[wrong - 1]}`];
  const last = names.at(-1)?.replace(/\.sql$/, '');
  return last === latest
    ? []
    : [`the last is ${last ?? 'none'}, but the program was generated for ${latest}`];
}

const configuration: Prerequisite = {
  name: 'stack configuration',
  run: async ({ stack, settings }) => {
    if (stack === undefined) return warn('no stack named', 'name one: --stack dev');
    // Throws with every fault.
    const { warnings, region, protect, network } = settings ?? stackSettings(stack);
    if (warnings.length > 0) return warn(warnings.join('; '), `see Pulumi.${stack}.yaml`);
    return pass(`${region}, egress ${network.egress}${protect ? ', protected' : ''}`);
  },
};

/** Checks that need no network. */
export const LOCAL_CHECKS: readonly Prerequisite[] = [node, files, migrations, configuration];
