// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000230_rights_of_app';
