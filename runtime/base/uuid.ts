/** Regular expression source, without anchors, for a UUID (RFC 9562) in either case. */
export const UUID_PATTERN = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';

const UUID = new RegExp(`^${UUID_PATTERN}$`);

/** Whether a value is a UUID in lower case, as spans carry it. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value) && value === value.toLowerCase();
}
