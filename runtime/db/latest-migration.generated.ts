// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000015_append_of_one_writer';
