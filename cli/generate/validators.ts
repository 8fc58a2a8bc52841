import Ajv2020 from 'ajv/dist/2020';
import standaloneCode from 'ajv/dist/standalone';
import { KERNEL_NAMES, kernelRow } from '../../runtime/host/kernel-table';
import { TICK_MESSAGE } from '../../runtime/host/tick-message-schema';
import { MIDNIGHT_EVENT } from '../../runtime/ledger/kernel-event-schema';
import { LEDGER_SCHEMAS } from '../../runtime/ledger/ledger-schemas';
import { ROUTE_SCHEMAS } from '../../runtime/stage0/route-table';
import type { GeneratedFile } from './generated-file';

/** Output file → schemas, by the name of the exported function. */
const VALIDATED = {
  'runtime/ledger': LEDGER_SCHEMAS,
  'runtime/host': {
    ...Object.fromEntries(KERNEL_NAMES.map((name) => [name, kernelRow(name).event])),
    validateMidnightEvent: MIDNIGHT_EVENT,
    validateTickMessage: TICK_MESSAGE,
  },
  'runtime/stage0': ROUTE_SCHEMAS,
} as const;

/**
 * Validators as standalone code, so that no schema is compiled at run time. They report every fault, not only the first.
 */
export async function generateValidators(): Promise<readonly GeneratedFile[]> {
  return Object.entries(VALIDATED).flatMap(([folder, schemas]) => validatorsOf(folder, schemas));
}

function validatorsOf(folder: string, schemas: Readonly<Record<string, object>>): GeneratedFile[] {
  const ajv = new Ajv2020({ allErrors: true, code: { source: true, lines: true }, strictTypes: false });
  for (const [name, schema] of Object.entries(schemas)) ajv.addSchema(schema, name);
  const names = Object.keys(schemas);
  const code = standaloneCode(ajv, Object.fromEntries(names.map((name) => [name, name])));
  const declarations = names.map((name) => `export declare const ${name}: Validator;`).join('\n');
  return [
    {
      path: `${folder}/validators.generated.js`,
      text: `// Made from the schemas by npm run generate.\n${code}\n`,
    },
    {
      path: `${folder}/validators.generated.d.ts`,
      text: `// Made from the schemas by npm run generate.\nimport type { Validator } from '../json/parse-with';\n\n${declarations}\n`,
    },
  ];
}
