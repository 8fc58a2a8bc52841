// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000051_import';
