import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { ConfigurationError } from '../base/errors';

/** PostgreSQL's default (`scram_iterations`). */
const ITERATIONS = 4_096;
const SALT_BYTES = 16;

/**
 * The SCRAM verifier that PostgreSQL stores for a password, so that the password itself reaches neither the server nor
 * its log (RFC 5802 section 3 with SHA-256, RFC 7677; layout: PostgreSQL manual, pg_authid).
 * @param password printable ASCII, which SASLprep leaves unchanged
 * @param salt 16 bytes; defaults to random ones
 * @throws ConfigurationError for any other password
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(SALT_BYTES)): string {
  if (!/^[\x21-\x7e]+$/.test(password)) {
    throw new ConfigurationError(
      'A database password must consist of printable ASCII characters without spaces.',
    );
  }
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const serverKey = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
