import type { JsonObject } from '../base/span';

/** Whether a value is a JSON object: neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value if it is an object, else an empty object. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** Whether a value is a UUID in lower case; the kernels' copy of `base/uuid.ts`, which they cannot import. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}

/** Whether an append was refused because the ledger has other content under the same id and seq. */
export function isConflict(error: unknown): boolean {
  return objectOf(error).code === 'conflict';
}
