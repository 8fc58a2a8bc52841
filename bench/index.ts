import path from 'node:path';
import type { Bench } from './bench';
import { runBenches } from './harness/run-benches';

/** Benches in the order in which they run. */
const NAMES = [
  'ingest',
  'client',
  'timeline',
  'execute',
  'claim',
  'midnight',
  'verify',
  'import',
  'proofs',
  'size',
  'growth',
  'user-sql',
  'capacity',
];

const USAGE = `npm run bench -- [NAME…] [--quick] [--full]

  NAME     ${NAMES.join(', ')}; all without one
  --quick  a smoke run of every code path in about a minute; its figures are worth nothing and are not kept
  --full   the largest sizes as well
`;

async function main(args: readonly string[]): Promise<number> {
  const options = args.filter((arg) => arg.startsWith('--'));
  const names = args.filter((arg) => !arg.startsWith('--'));
  const unknown = [
    ...options.filter((option) => option !== '--quick' && option !== '--full'),
    ...names.filter((name) => !NAMES.includes(name)),
  ];
  if (unknown.length > 0) {
    process.stderr.write(`unknown: ${unknown.join(' ')}\n\n${USAGE}`);
    return 2;
  }
  const benches = NAMES.filter((name) => names.length === 0 || names.includes(name)).map(load);
  await runBenches(benches, { quick: options.includes('--quick'), full: options.includes('--full'), args });
  return 0;
}

function load(name: string): Bench {
  const { bench } = require(path.join(__dirname, `${name}.ts`)) as { readonly bench: Bench };
  return bench;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
