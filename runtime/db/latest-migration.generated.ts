// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000030_feed_epoch';
