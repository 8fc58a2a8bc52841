import path from 'node:path';
import { build } from 'esbuild';
import type { GeneratedFile } from './generated-file';

const ROOT = path.join(__dirname, '..', '..');

/** The host's functions bundled into a file for the sandbox's worker; npm packages stay external. */
export async function generateSandboxHost(): Promise<readonly GeneratedFile[]> {
  const { outputFiles } = await build({
    entryPoints: ['runtime/sandbox/guest-host.ts'],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    charset: 'utf8',
    legalComments: 'none',
    packages: 'external',
    logLevel: 'silent',
  });
  return [
    {
      path: 'runtime/sandbox/guest-host.generated.cjs',
      text: `// Made from guest-host.ts by npm run generate.\n${outputFiles[0]?.text ?? ''}`,
    },
  ];
}
