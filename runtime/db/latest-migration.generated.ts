// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000210_turns_of_tenants';
