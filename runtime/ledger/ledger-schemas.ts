import { MANIFEST_METADATA } from './manifest-schema';
import { SPAN_INPUT } from './span-schema';

/** What the ledger compiles to validators (`npm run generate`), by the name of the exported function. */
export const LEDGER_SCHEMAS = { validateSpanInput: SPAN_INPUT, validateManifest: MANIFEST_METADATA } as const;
