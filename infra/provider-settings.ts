import type { SettingsReader } from './settings-reader';

/** `<tenant>/<name>`, or `<name>` for the operator's own; as `runtime/host/secret-store.ts` looks them up. */
const PROVIDER_KEY_NAME = /^(?:\P{Cc}{1,255}\/)?[\w-]{1,64}$/u;

/** Bytes of one secret (Secrets Manager user guide, "Quotas"). */
const MOST_SECRET_BYTES = 65_536;

/** Reads the names of the provider keys, sorted; the values are secrets and appear in no message. */
export function readProviderNames(root: SettingsReader, value: unknown): readonly string[] {
  if (value === undefined) {
    return [];
  }
  const entries =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  const valid = entries.every(
    ([name, key]) => PROVIDER_KEY_NAME.test(name) && typeof key === 'string' && key.trim() !== '',
  );
  if (entries.length === 0 || !valid) {
    root.fault(
      'providerKeys',
      'expected a secret JSON object of key name to key, such as {"acme/openai":"…"}, none of them empty',
    );
    return [];
  }
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes > MOST_SECRET_BYTES)
    root.fault(
      'providerKeys',
      `expected at most ${MOST_SECRET_BYTES} bytes, the most of one secret; got ${bytes}`,
    );
  return entries.map(([name]) => name).sort();
}
