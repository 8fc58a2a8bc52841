// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000014_timeline_ranges';
