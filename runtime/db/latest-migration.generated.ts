// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000290_clock_set_back';
