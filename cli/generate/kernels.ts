import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { KERNEL_NAMES, kernelRow } from '../../runtime/host/kernel-table';
import { parseIJson } from '../../runtime/json/i-json';
import { isObject, objectOf } from '../../runtime/json/json-object';
import { KERNEL_IDS, MIDNIGHT_RULER_ID } from '../../runtime/kernels/stable-ids';
import type { GeneratedFile } from './generated-file';

const ROOT = path.join(__dirname, '..', '..');
const MANIFEST = 'sql/seeds/kernel_manifest.json';

/** Files derived from the kernel table that cannot read it at run time. */
export async function generateKernels(): Promise<readonly GeneratedFile[]> {
  return [
    { path: 'runtime/host/kernels.ts', text: mains() },
    { path: 'infra/kernel-handlers.generated.ts', text: handlers() },
    { path: MANIFEST, text: manifestOf(await readFile(path.join(ROOT, MANIFEST))) },
  ];
}

/** The kernels' mains, the only values that code outside `kernels/` imports from there. */
function mains(): string {
  const files = KERNEL_NAMES.map((name) => ({ name, variable: camelCase(name), file: kernelRow(name).file }));
  const imports = files
    .map(({ variable, file }) => `import { main as ${variable} } from '../kernels/${file}';`)
    .sort();
  return `// Made from kernel-table.ts by npm run generate.
${imports.join('\n')}
import type { KernelName } from '../kernels/stable-ids';
import { type Kernel, parsing } from './kernel-event';

/** The kernels, as compiled from the sources whose text the ledger holds. */
export const KERNELS: Readonly<Record<KernelName, Kernel>> = {
${files.map(({ name, variable }) => `  ${name}: parsing('${name}', ${variable}),`).join('\n')}
};
`;
}

/** One literal handler for each kernel: Pulumi serialises handlers, and a literal captures nothing. */
function handlers(): string {
  const lines = KERNEL_NAMES.map(
    (name) => `  ${name}: () => require('logline-kernels').createHandler('${name}'),`,
  );
  return `// Made from runtime/host/kernel-table.ts by npm run generate.
import type { KernelName } from '../runtime/kernels/stable-ids';
import type { HandlerFactory } from './function';

export const KERNEL_HANDLERS: Readonly<Record<KernelName, HandlerFactory>> = {
${lines.join('\n')}
};
`;
}

/** The manifest seed: written by hand except for its lists of kernels and boot ids. */
function manifestOf(given: Uint8Array): string {
  const spans = parseIJson(given);
  const [span] = Array.isArray(spans) ? spans : [];
  if (!isObject(span)) throw new Error(`${MANIFEST} must be a list of one span`);
  const ids = KERNEL_NAMES.map((name) => [name, KERNEL_IDS[name]] as const);
  const metadata = {
    ...objectOf(span.metadata),
    kernels: Object.fromEntries(ids),
    allowed_boot_ids: [...ids.map(([, id]) => id), MIDNIGHT_RULER_ID],
  };
  return `${JSON.stringify([{ ...span, metadata }], null, 2)}\n`;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
