import { ConfigurationError, MalformedError } from '../base/errors';
import { sha256 } from '../crypto/sha256';
import { COSIGNER, parseVerifierKey, type VerifierKey } from './verifier-key';

/** A witness that is asked for cosignatures. */
export interface RemoteWitness {
  readonly key: VerifierKey;
  /** Submission prefix, without a slash at its end. */
  readonly url: string;
}

/**
 * Parses lines `witness <name> <verifier key> <url>` (https://c2sp.org/tlog-policy); empty lines and those that begin with
 * # are skipped.
 * @throws ConfigurationError for any other line
 */
export function parseWitnesses(text: string): readonly RemoteWitness[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map(parseWitness);
}

/** Tenants from their names, separated by commas. */
export function tenantsOf(text: string): readonly string[] {
  return text.split(',').flatMap((tenant) => tenant.trim() || []);
}

function parseWitness(line: string): RemoteWitness {
  const [word, name, vkey = '', url = '', ...rest] = line.split(/\s+/);
  try {
    const key = parseVerifierKey(sha256, vkey);
    const isRight = word === 'witness' && name !== undefined && rest.length === 0 && key.type === COSIGNER;
    if (isRight && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) {
      return { key, url: url.replace(/\/+$/, '') };
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
  }
  throw new ConfigurationError(
    `A witness is a line such as "witness w1 witness.example/w1+e0cd2864+BK… https://witness.example/", got "${line}".`,
  );
}
