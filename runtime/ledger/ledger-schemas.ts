import { MANIFEST_METADATA } from './manifest-schema';
import { SPAN_INPUT } from './span-schema';

/** Schemas that `npm run generate` compiles to validators, by the name of the exported function. */
export const LEDGER_SCHEMAS = { validateSpanInput: SPAN_INPUT, validateManifest: MANIFEST_METADATA } as const;
