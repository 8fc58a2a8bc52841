import type { JsonObject } from '../base/span';

/** Whether a value is an object of JSON: neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value, when it is an object; an empty one otherwise. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** Whether a value is a UUID as spans carry it, in lower case; `base/uuid.ts` for text of the ledger, which imports nothing. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}

/** Whether an append was refused because the ledger holds other content under the same id and version. */
export function isConflict(error: unknown): boolean {
  return objectOf(error).code === 'conflict';
}
