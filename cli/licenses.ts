import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { oneLine } from '../local/operator-error';
import { isObject, objectOf } from '../runtime/json/json-object';
import { table } from './table';

/** A runtime package of package-lock.json. */
export interface LicensedPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression, or the package's own words. */
  readonly license: string;
}

/** Permissive licences (SPDX identifiers); the last two are for data. */
const ACCEPTED: ReadonlySet<string> = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'Python-2.0',
  'CC0-1.0',
  'CC-BY-3.0',
]);

/** Packages without a licence in package.json, whose LICENSE file was read by hand. */
const READ_BY_HAND: Readonly<Record<string, string>> = { '@logdna/tail-file': 'MIT' };

/** Third-party packages of a package-lock.json (version 3) that are no development dependencies. */
export function runtimePackages(lock: unknown): LicensedPackage[] {
  return Object.entries(objectOf(objectOf(lock).packages)).flatMap(([place, found]) => {
    const name = place.split('node_modules/').at(-1) ?? '';
    if (!place.includes('node_modules/') || !isObject(found) || found.dev === true || found.link === true)
      return [];
    const { version, license } = found;
    const said = READ_BY_HAND[name] ?? license;
    return [{ name, version: String(version), license: typeof said === 'string' ? said : 'none named' }];
  });
}

/** Whether a licence is accepted: every part of an AND, or one of an OR (SPDX annex D). */
export function isAccepted(license: string): boolean {
  const text = license.replace(/^\((.*)\)$/, '$1');
  if (/[()]/.test(text)) return false;
  return text.split(' OR ').some((one) => one.split(' AND ').every((id) => ACCEPTED.has(id)));
}

/** Prints the licences of runtime packages; exit code 1 when one is not accepted. */
async function main(): Promise<void> {
  const file = path.join(__dirname, '..', 'package-lock.json');
  const packages = runtimePackages(JSON.parse(await readFile(file, 'utf8')));
  const rows = packages.map(({ name, version, license }) => [license, name, version]);
  rows.sort((one, other) => (one.join(' ') < other.join(' ') ? -1 : 1));
  process.stdout.write(`${table(['licence', 'package', 'version'], rows).join('\n')}\n`);
  const refused = packages.filter(({ license }) => !isAccepted(license));
  for (const { name, version, license } of refused)
    process.stderr.write(`logline: ${name} ${version} has licence ${license}, which is not on the list\n`);
  if (refused.length > 0) process.exitCode = 1;
}

if (require.main === module)
  main().catch((error: unknown) => {
    process.stderr.write(`logline: ${oneLine(error)}\n`);
    process.exitCode = 1;
  });
