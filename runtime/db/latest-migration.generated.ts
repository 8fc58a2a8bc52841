// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000073_import_by_owner';
