// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000170_freeze_by_operator';
