// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000072_work_state';
