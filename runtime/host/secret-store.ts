import { chmod, readFile, stat } from 'node:fs/promises';
import { isYounger } from '../base/age';
import { ConfigurationError } from '../base/errors';
import { SYSTEM } from '../base/identity';

/**
 * A store of providers' API keys. A key belongs to one tenant and is named `<tenant>/<name>`, such as `acme/openai`;
 * provider_exec reads keys of the tenant that owns the provider span, so no tenant reaches the keys of another. An entry
 * without a tenant, such as `openai`, belongs to the tenant `system`, whose public providers everybody may call.
 */
export interface SecretStore {
  /**
   * @param name `<tenant>/<name>`
   * @returns undefined when there is no such key
   * @throws ConfigurationError when the store cannot be read; the message holds no key.
   */
  get(name: string): Promise<string | undefined>;
}

/** Key names → keys, as the file and the AWS secret hold them. */
type Entries = Readonly<Record<string, string>>;

const ENV_PREFIX = 'LOGLINE_PROVIDER_KEY_';
/** The tenant that `npm start` prints a token for. */
const DEV_TENANT = 'dev';
const CACHE_MS = 5 * 60_000;

/**
 * Keys of a local run: from the environment, else from the JSON file, which is read at each call so that a new key takes
 * effect at once. `LOGLINE_PROVIDER_KEY_OPENAI` is the key `openai` (`-` is written `_`) of the tenants `dev` and
 * `system` only, since the name of a variable cannot hold that of a tenant.
 * @param file `provider-keys.json`; it need not exist
 */
export function localSecretStore(file: string, env: NodeJS.ProcessEnv = process.env): SecretStore {
  return {
    async get(name) {
      const { tenant, key } = splitName(name);
      const variable = `${ENV_PREFIX}${key.toUpperCase().replaceAll('-', '_')}`;
      const fromEnv = tenant === DEV_TENANT || tenant === SYSTEM.tenant ? env[variable] : undefined;
      return usable(fromEnv) ?? entryOf(await readKeyFile(file), name);
    },
  };
}

/**
 * Keys of one AWS Secrets Manager secret, a JSON object of key names to keys. They are cached for five minutes, and longer
 * while the service does not answer.
 * @param reader reads a secret as an object of texts
 * @param arn undefined when the stack has no provider keys: then there are none
 * @param now milliseconds; defaults to the system clock
 */
export function awsSecretStore(
  reader: { readObject(arn: string): Promise<Entries> },
  arn: string | undefined,
  now: () => number = Date.now,
): SecretStore {
  let cached: { readonly entries: Entries; readonly atMs: number } | undefined;
  let reading: Promise<Entries> | undefined;
  const read = async (from: string): Promise<Entries> => {
    try {
      cached = { entries: await reader.readObject(from), atMs: now() };
      return cached.entries;
    } catch (cause) {
      if (cached === undefined) throw new ConfigurationError('The provider keys cannot be read.', { cause });
      return cached.entries;
    } finally {
      reading = undefined;
    }
  };
  return {
    async get(name) {
      if (arn === undefined) return undefined;
      if (cached !== undefined && isYounger(cached.atMs, CACHE_MS, now()))
        return entryOf(cached.entries, name);
      reading ??= read(arn);
      return entryOf(await reading, name);
    },
  };
}

function entryOf(entries: Entries, name: string): string | undefined {
  const { tenant, key } = splitName(name);
  const spellings = tenant === SYSTEM.tenant ? [name, key] : [name];
  return spellings
    .map((one) => (Object.hasOwn(entries, one) ? usable(entries[one]) : undefined))
    .find(Boolean);
}

/** The name of a key has no slash; that of a tenant may. */
function splitName(name: string): { readonly tenant: string; readonly key: string } {
  const slash = name.lastIndexOf('/');
  return { tenant: name.slice(0, Math.max(0, slash)), key: name.slice(slash + 1) };
}

/** Keys are pasted, line end and all. */
function usable(text: string | undefined): string | undefined {
  return text?.trim() || undefined;
}

async function readKeyFile(file: string): Promise<Entries> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
    // As keys.json: other users who could read it until now no longer can.
    if (process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0) await chmod(file, 0o600);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return {};
    throw new ConfigurationError(`${file} cannot be read; give this user access to it.`, { cause });
  }
  const entries = parseEntries(text);
  if (entries !== undefined) return entries;
  throw new ConfigurationError(
    `${file} must be a JSON object of key names to keys, such as {"dev/openai": "…"}.`,
  );
}

/** A parse error is swallowed: it would quote the keys. */
function parseEntries(text: string): Entries | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value);
    return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
      ? Object.fromEntries(entries)
      : undefined;
  } catch {
    return undefined;
  }
}
