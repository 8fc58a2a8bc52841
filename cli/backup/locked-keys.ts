import { createCipheriv, createDecipheriv, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { OperatorError } from '../../local/operator-error';

/** Key files under a passphrase: scrypt (RFC 7914) and AES-256-GCM. Bytes are base64. */
export interface LockedKeys {
  readonly kdf: 'scrypt';
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly cipher: 'aes-256-gcm';
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/** File name → content. */
export type KeyFiles = Readonly<Record<string, string>>;

/** OWASP's scrypt parameters: 128 MiB, about half a second. */
const COST = { n: 2 ** 17, r: 8, p: 1 } as const;
const MAX_COST = 2 ** 20;
const MIN_PASSPHRASE = 12;

/** @throws OperatorError (exit code 2) for a passphrase of fewer than 12 characters */
export async function lockKeys(files: KeyFiles, passphrase: string): Promise<LockedKeys> {
  if (passphrase.length < MIN_PASSPHRASE) {
    throw new OperatorError(`the passphrase must have at least ${MIN_PASSPHRASE} characters`, {
      exitCode: 2,
    });
  }
  const [salt, iv] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, salt, COST), iv);
  const data = Buffer.concat([cipher.update(JSON.stringify(files), 'utf8'), cipher.final()]);
  return {
    kdf: 'scrypt',
    ...COST,
    salt: salt.toString('base64'),
    cipher: 'aes-256-gcm',
    iv: iv.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    data: data.toString('base64'),
  };
}

/** @throws OperatorError when the passphrase is wrong or the bytes were changed */
export async function unlockKeys(locked: LockedKeys, passphrase: string): Promise<KeyFiles> {
  const { n, r, p } = locked;
  if (n > MAX_COST || r > 32 || p > 16)
    throw new OperatorError('the keys of this backup ask for more memory than is sound');
  const key = await derive(passphrase, Buffer.from(locked.salt, 'base64'), { n, r, p });
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(locked.iv, 'base64'), {
      authTagLength: 16,
    });
    decipher.setAuthTag(Buffer.from(locked.tag, 'base64'));
    const text = Buffer.concat([decipher.update(Buffer.from(locked.data, 'base64')), decipher.final()]);
    return JSON.parse(text.toString('utf8')) as KeyFiles;
  } catch (cause) {
    throw new OperatorError('the passphrase does not open the keys of this backup', { cause });
  }
}

function derive(
  passphrase: string,
  salt: Buffer,
  { n, r, p }: { n: number; r: number; p: number },
): Promise<Buffer> {
  const options: ScryptOptions = { N: n, r, p, maxmem: 256 * n * r };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), salt, 32, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
