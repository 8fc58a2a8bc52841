import { execFileSync } from 'node:child_process';
import { type Arrow, arrowsOf, circlesOf } from './import-graph';

/** Allowed imports of a room's files from other rooms; `types` are allowed in addition to `values`. */
interface Room {
  readonly values: readonly string[];
  readonly types?: readonly string[];
}

/**
 * The table of allowed imports. A room is a folder of `runtime/`, a file directly in `runtime/`, or a folder of the root;
 * a room may always import itself. A room that is not in the table fails.
 */
const ROOMS: Readonly<Record<string, Room>> = {
  'runtime/base': { values: [] },
  'runtime/log': { values: ['runtime/base'] },
  'runtime/json': { values: ['runtime/base'] },
  'runtime/crypto': { values: ['runtime/base', 'runtime/json'] },
  'runtime/db': { values: ['runtime/base'] },
  'runtime/auth': { values: ['runtime/base', 'runtime/json', 'runtime/crypto', 'runtime/db'] },
  'runtime/ledger': { values: runtime('base', 'json', 'crypto', 'auth', 'db', 'log') },
  'runtime/proofs': { values: runtime('base', 'json', 'crypto', 'auth', 'db', 'log', 'ledger') },
  'runtime/sandbox': { values: runtime('base', 'json', 'crypto') },
  // Only code that goes into the ledger, which reaches everything through ctx.
  'runtime/kernels': { values: [], types: runtime('base', 'ledger', 'sandbox') },
  'runtime/host': {
    values: runtime('base', 'json', 'crypto', 'auth', 'db', 'log', 'ledger', 'proofs', 'sandbox'),
    types: runtime('kernels'),
  },
  // Knows the function starter by its interface only.
  'runtime/stage0': {
    values: runtime('base', 'json', 'crypto', 'auth', 'db', 'log', 'ledger', 'proofs'),
    types: runtime('host'),
  },
  'runtime/settings': { values: [], types: runtime('auth', 'db') },
  'runtime/lambda': {
    values: runtime(
      'base',
      'json',
      'crypto',
      'auth',
      'db',
      'log',
      'ledger',
      'proofs',
      'sandbox',
      'host',
      'stage0',
      'settings',
    ),
    types: runtime('kernels'),
  },
  // The public library.
  'runtime/index': { values: runtime('base', 'json', 'crypto', 'db', 'ledger', 'proofs') },
  // Verification is built from the files that the ledger hashes and signs with.
  client: { values: runtime('base', 'json', 'crypto', 'proofs') },
  explorer: { values: ['client'] },
  // Both build the page: infra for the layer, local on demand.
  infra: { values: ['runtime/*', 'explorer'] },
  local: { values: ['runtime/*', 'explorer'] },
  cli: { values: ['runtime/*', 'infra', 'local', 'client'] },
  'index.ts': { values: ['infra'] },
  bench: { values: ['*'] },
  test: { values: ['*'] },
};

/** Values of kernels/ that others may import: file → importers (undefined for all) and names. */
const KERNEL_VALUES: readonly {
  readonly file: RegExp;
  readonly by?: string;
  readonly names?: readonly string[];
}[] = [
  { file: /^runtime\/kernels\/stable-ids\.ts$/ },
  { file: /^runtime\/kernels\/.*$/, by: 'runtime/host/kernels.ts', names: ['main'] },
];

function runtime(...rooms: string[]): string[] {
  return rooms.map((room) => `runtime/${room}`);
}

/** Files to check: those tracked by Git, and untracked ones that are not ignored. */
export function sourceFiles(root: string): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split('\n'))].filter(
    (file) =>
      /\.(ts|cts|js|mjs|cjs|tsx)$/.test(file) &&
      !/^(docs|sql)\//.test(file) &&
      !file.startsWith('test/fixtures/'),
  );
}

/** Violations of the table in the given files, one sentence each. */
export function layoutFaults(root: string, files: readonly string[]): string[] {
  const arrows = arrowsOf(root, files);
  return [
    ...new Set(arrows.flatMap((arrow) => arrowFault(arrow) ?? [])),
    ...circlesOf(arrows.filter(({ from }) => !from.startsWith('test/'))).map(
      (circle) => `${circle.join(', ')} import each other in a circle`,
    ),
  ];
}

function arrowFault({ from, to, isPackage, isType, names }: Arrow): string | undefined {
  const room = roomOf(from);
  if (isPackage) {
    const isFault =
      to.startsWith('@pulumi/') && (room.startsWith('runtime/') || room === 'local' || room === 'client');
    return isFault ? `${from} imports ${to}: Pulumi belongs to infra/ and cli/` : undefined;
  }
  const target = roomOf(to);
  if (room === target) return undefined;
  const rules = ROOMS[room];
  if (rules === undefined) return `${from}: ${room} is not in the table of test/support/layout.ts`;
  if (room !== 'test' && target === 'runtime/kernels' && !isType) return kernelFault(from, to, names);
  const allowed = isType ? [...rules.values, ...(rules.types ?? [])] : rules.values;
  if (
    allowed.some(
      (one) => one === target || one === '*' || (one === 'runtime/*' && target.startsWith('runtime/')),
    )
  )
    return undefined;
  return `${from} imports ${isType ? 'a type' : 'a value'} of ${to}: ${room} may not`;
}

function kernelFault(from: string, to: string, names: readonly string[]): string | undefined {
  const isAllowed = KERNEL_VALUES.some(
    (one) =>
      one.file.test(to) &&
      (one.by ?? from) === from &&
      (one.names === undefined || names.every((name) => one.names?.includes(name))),
  );
  return isAllowed
    ? undefined
    : `${from} imports a value of ${to}: others take only types of kernels/, and stable-ids`;
}

function roomOf(file: string): string {
  const parts = file.split('/');
  const [top = file, second = ''] = parts;
  if (top !== 'runtime') return top;
  return `runtime/${parts.length === 2 ? second.replace(/\.ts$/, '') : second}`;
}
