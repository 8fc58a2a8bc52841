import Ajv2020 from 'ajv/dist/2020';
import standaloneCode from 'ajv/dist/standalone';
import { VALIDATED } from '../../runtime/stage0/schemas';
import type { GeneratedFile } from './generated-file';

/**
 * Validators as plain code: no schema is compiled, and no code generated, while LogLine runs.
 * Every fault is reported, not only the first.
 */
export async function generateValidators(): Promise<readonly GeneratedFile[]> {
  const ajv = new Ajv2020({ allErrors: true, code: { source: true, lines: true }, strictTypes: false });
  for (const [name, schema] of Object.entries(VALIDATED)) ajv.addSchema(schema, name);
  const names = Object.keys(VALIDATED);
  const code = standaloneCode(ajv, Object.fromEntries(names.map((name) => [name, name])));
  const declarations = names.map((name) => `export declare const ${name}: Validator;`).join('\n');
  return [
    {
      path: 'runtime/stage0/validators.generated.js',
      text: `// Made from schemas.ts by npm run generate.\n${code}\n`,
    },
    {
      path: 'runtime/stage0/validators.generated.d.ts',
      text: `// Made from schemas.ts by npm run generate.
export interface ValidatorFault {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: { readonly [name: string]: unknown };
  readonly message?: string;
}
export interface Validator {
  (data: unknown): boolean;
  readonly errors?: readonly ValidatorFault[] | null;
}
${declarations}
`,
    },
  ];
}
