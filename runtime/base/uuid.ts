/** A UUID as RFC 9562 writes it, in either case: part of a regular expression, without anchors. */
export const UUID_PATTERN = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';

const UUID = new RegExp(`^${UUID_PATTERN}$`);

/** Whether a value is a UUID as spans carry it: in lower case. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value) && value === value.toLowerCase();
}
