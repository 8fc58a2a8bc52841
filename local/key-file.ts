import { type SigningKey, signingKeyFromHex } from '../runtime/crypto';
import { ROLE_KEYS, type RoleKey } from '../runtime/db/roles';
import { normalizeTimestamp } from '../runtime/json/timestamp';
import { KeyRing, type RevokedKey } from '../runtime/ledger/keys/key-ring';

/** The secrets of a local run, stored in `keys.json`, which only its owner may read. */
export interface LocalKeys {
  /** The instance keys. */
  readonly ring: KeyRing;
  /** The current signing key, from which the token key is derived. */
  readonly signingKey: SigningKey;
  readonly passwords: DatabasePasswords;
}

/** Database passwords; those of the roles apply to the embedded server and to a server of the user's own. */
export interface DatabasePasswords extends Readonly<Record<RoleKey, string>> {
  /** Password of `postgres`, the embedded server's superuser. */
  readonly superuser: string;
  /** Password of `logline_owner`, the owner of the embedded server's schema. */
  readonly owner: string;
}

const FORMAT = 1;

interface KeyEntry {
  readonly seed_hex: string;
  readonly public_key_hex: string;
}

/** The layout of `keys.json`. */
interface KeyFile {
  readonly format: number;
  readonly signing_key: KeyEntry;
  /** Present during a rotation only. */
  readonly next_signing_key?: KeyEntry;
  /** Newest first. */
  readonly earlier_signing_keys?: readonly KeyEntry[];
  readonly revoked_keys?: readonly {
    readonly public_key_hex: string;
    readonly from?: string;
    readonly reason?: string;
  }[];
  readonly database_passwords: DatabasePasswords;
}

/** The text of `keys.json`. */
export function keyFileText({ ring, passwords }: Pick<LocalKeys, 'ring' | 'passwords'>): string {
  const entry = (key: SigningKey): KeyEntry => ({
    seed_hex: key.secretKeyHex(),
    public_key_hex: key.publicKeyHex,
  });
  const file: KeyFile = {
    format: FORMAT,
    signing_key: entry(ring.current),
    ...(ring.next === undefined ? {} : { next_signing_key: entry(ring.next) }),
    ...(ring.earlier.length === 0 ? {} : { earlier_signing_keys: ring.earlier.map(entry) }),
    ...(ring.revoked.length === 0
      ? {}
      : {
          revoked_keys: ring.revoked.map(({ publicKeyHex, from, reason }) => ({
            public_key_hex: publicKeyHex,
            ...(from === undefined ? {} : { from }),
            ...(reason === undefined ? {} : { reason }),
          })),
        }),
    database_passwords: passwords,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * Reads the text of `keys.json`.
 * @param fault creates the error; messages never contain the file's content
 * @param newPassword creates a password for a role that the file lacks
 */
export function parseKeyFile(
  text: string,
  fault: (what: string) => Error,
  newPassword: () => string,
): LocalKeys {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    throw fault('it is not JSON');
  }
  if (member(file, 'format') !== FORMAT) throw fault(`"format" is not ${FORMAT}`);
  const textOf = (holder: unknown, name: string): string => {
    const value = member(holder, name);
    if (typeof value !== 'string' || value === '') throw fault(`"${name}" is missing`);
    return value;
  };
  const keyOf = (holder: unknown): SigningKey => {
    const key = signingKeyOrUndefined(textOf(holder, 'seed_hex'));
    if (key === undefined) throw fault('"seed_hex" is not 64 hexadecimal digits');
    if (key.publicKeyHex !== textOf(holder, 'public_key_hex')) {
      throw fault('"public_key_hex" does not belong to "seed_hex"');
    }
    return key;
  };
  const listOf = (name: string): readonly unknown[] => {
    const value = member(file, name) ?? [];
    if (!Array.isArray(value)) throw fault(`"${name}" is not a list`);
    return value;
  };
  const current = keyOf(member(file, 'signing_key'));
  const next = member(file, 'next_signing_key');
  const revoked = listOf('revoked_keys').map((entry): RevokedKey => {
    const from = member(entry, 'from');
    const reason = member(entry, 'reason');
    return {
      publicKeyHex: textOf(entry, 'public_key_hex'),
      from: typeof from === 'string' ? normalizeTimestamp(from) : undefined,
      reason: typeof reason === 'string' ? reason : undefined,
    };
  });
  if (revoked.some(({ publicKeyHex }) => publicKeyHex === current.publicKeyHex)) {
    throw fault('the signing key is among "revoked_keys"');
  }
  const passwords = member(file, 'database_passwords');
  return {
    ring: new KeyRing([current, ...listOf('earlier_signing_keys').map(keyOf)], {
      next: next === undefined ? undefined : keyOf(next),
      revoked,
    }),
    signingKey: current,
    passwords: {
      superuser: textOf(passwords, 'superuser'),
      owner: textOf(passwords, 'owner'),
      ...passwordsOfRoles((role) =>
        role !== 'app' && member(passwords, role) === undefined ? newPassword() : textOf(passwords, role),
      ),
    },
  };
}

/** One password for each role. */
export function passwordsOfRoles(passwordOf: (role: RoleKey) => string): Record<RoleKey, string> {
  return Object.fromEntries(ROLE_KEYS.map((role) => [role, passwordOf(role)])) as Record<RoleKey, string>;
}

function signingKeyOrUndefined(seedHex: string): SigningKey | undefined {
  try {
    return signingKeyFromHex(seedHex);
  } catch {
    return undefined;
  }
}

function member(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null) return undefined;
  return Object.getOwnPropertyDescriptor(holder, name)?.value;
}
