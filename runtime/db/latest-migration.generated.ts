// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000064_resume_log';
