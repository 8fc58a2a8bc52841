// Made from sql/ by npm run generate.
export const LATEST_MIGRATION = '000016_queue_vacuum';
