// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000045_restore_needed';
