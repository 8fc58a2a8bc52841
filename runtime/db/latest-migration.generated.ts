// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000008_token_revocation';
