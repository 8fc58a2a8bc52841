import { join } from 'node:path';
import { build } from 'esbuild';
import { blake3OfText, hex } from '../../runtime/crypto';
import { KERNEL_NAMES, kernelRow } from '../../runtime/host/kernel-table';
import { KERNEL_IDS, MIDNIGHT_RULER_ID } from '../../runtime/kernels/stable-ids';
import type { GeneratedFile } from './generated-file';

const KERNELS_FOLDER = join(__dirname, '..', '..', 'runtime', 'kernels');

/**
 * Ledger copies of the kernels, generated from the sources of the deployed kernels, and the hashes by which a kernel
 * recognises its copy.
 */
export async function generateSeeds(): Promise<readonly GeneratedFile[]> {
  const kernels = await Promise.all(
    KERNEL_NAMES.map(async (name) => ({
      id: KERNEL_IDS[name],
      entity_type: 'function',
      who: 'logline',
      did: 'seeded',
      this: `${name}_kernel`,
      name: `${name}_kernel`,
      description: kernelRow(name).description,
      visibility: 'public',
      status: 'active',
      language: 'javascript',
      runtime: 'kernel',
      code: await ledgerCopyOf(kernelRow(name).file, KERNELS_FOLDER),
    })),
  );
  const ruler = {
    id: MIDNIGHT_RULER_ID,
    entity_type: 'function',
    who: 'logline',
    did: 'seeded',
    this: 'midnight_ruler',
    name: 'midnight_ruler',
    description: 'Decides which deliverables and contracts are accepted, held or terminated, every night.',
    visibility: 'public',
    status: 'active',
    language: 'javascript',
    runtime: 'sandbox',
    code: await ledgerCopyOf('midnight/midnight-ruler', KERNELS_FOLDER),
  };
  const hashes = KERNEL_NAMES.map(
    (name, index) => `  ${name}: '${hex(blake3OfText(kernels[index]?.code ?? ''))}',`,
  ).join('\n');
  return [
    { path: 'sql/seeds/kernels.generated.json', text: `${JSON.stringify([...kernels, ruler], null, 2)}\n` },
    {
      path: 'runtime/host/kernel-hashes.generated.ts',
      text: `// Made from the kernels' sources by npm run generate.\nexport const KERNEL_HASHES = {\n${hashes}\n} as const;\n`,
    },
  ];
}

/**
 * Bundles a source and its imports into plain JavaScript with a top-level `main`.
 * @param file path below `folder`, without `.ts`; imports from outside the folder are refused
 * @throws Error when it imports a value from elsewhere or defines no `main`.
 */
export async function ledgerCopyOf(file: string, folder: string): Promise<string> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(folder, `${file}.ts`)],
    absWorkingDir: folder,
    bundle: true,
    metafile: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    charset: 'utf8',
    legalComments: 'none',
    // Packages cannot be bundled: a kernel reaches everything through ctx.
    packages: 'external',
    logLevel: 'silent',
  });
  const outside = Object.keys(metafile.inputs).filter((input) => input.startsWith('..'));
  if (outside.length > 0)
    throw new Error(`${file}.ts takes ${outside.join(', ')} into its ledger copy, from outside kernels/`);
  const text = outputFiles[0]?.text ?? '';
  if (/^import /m.test(text)) throw new Error(`${file}.ts imports something that its ledger copy could not`);
  const code = text.replace(/\nexport \{[^}]*\};\s*$/, '\n');
  if (!/^async function main\(/m.test(code)) throw new Error(`${file}.ts defines no main`);
  return code;
}
