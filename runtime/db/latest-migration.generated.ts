// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000180_import_fewer_passes';
