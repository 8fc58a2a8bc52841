import type { LocalKeys } from '../../local/keys';
import { storeRing } from '../../local/keys';
import { OperatorError } from '../../local/operator-error';
import { keyIdOf, mintToken } from '../../runtime/auth';
import { SYSTEM } from '../../runtime/base/identity';
import type { SigningKey } from '../../runtime/crypto';
import { KERNEL_MANIFEST_ID } from '../../runtime/kernels/stable-ids';
import { readKeyHistory } from '../../runtime/ledger/keys/key-publisher';
import type { RevokedKey } from '../../runtime/ledger/keys/key-ring';
import { seed } from '../../runtime/ledger/seed';
import { readLatest } from '../../runtime/ledger/span-reader';
import type { LocalLedger } from '../local-ledger';
import { timestampOption } from '../timestamp-option';
import { changeKeys, publish, rotate, signsWith, untilNoticed, writerOf } from './key-change';

/** Options of `logline keys revoke`. */
export interface RevokeOptions {
  /** Public key of 64 hex digits, or key id of 16. */
  readonly publicKey: string;
  /** Timestamp, or duration before now. */
  readonly since?: string;
  readonly reason?: string;
  readonly keepManifest?: boolean;
  readonly json?: boolean;
}

interface Revocation {
  readonly key: RevokedKey;
  readonly signsNow: string;
  readonly hasRotated: boolean;
  /** Names of the seeds that were signed again. */
  readonly seeds: readonly string[];
  /** Version of the operator's manifest that the key had signed; the seed replaces it. */
  readonly lostManifestVersion: number | undefined;
}

/** Revokes a key of the local ledger. */
export async function revokeKey(options: RevokeOptions): Promise<void> {
  const from = timestampOption(options.since, '--since') ?? new Date().toISOString();
  const revocation = await changeKeys((ledger) => revoke(ledger, options, from));
  const { key, signsNow, hasRotated, seeds, lostManifestVersion } = revocation;
  if (options.json) {
    const answer = { revoked_public_key: key.publicKeyHex, revoked_from: key.from, public_key: signsNow };
    process.stdout.write(`${JSON.stringify({ ...answer, signed_anew: seeds })}\n`);
    return;
  }
  const lines = [
    `revoked    ${key.publicKeyHex} (key id ${keyIdOf(key.publicKeyHex)}), from ${key.from}`,
    `signs now  ${signsNow}${hasRotated ? ', a new key: the revoked one was signing' : ''}`,
    'Tokens of the revoked key are refused; verify reports the spans that it signed.',
    ...(seeds.length > 0 ? [`signed again: ${seeds.join(', ')}`] : []),
  ];
  if (lostManifestVersion !== undefined) {
    lines.push(
      `kernel_manifest has its first settings again: your version ${lostManifestVersion} was signed by the revoked key. Check it, and append it again if it is yours.`,
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

/**
 * The order keeps kernels bootable throughout: seeds are signed again, then the revocation is appended, then the key
 * loses its trust.
 */
async function revoke(ledger: LocalLedger, options: RevokeOptions, from: string): Promise<Revocation> {
  const { data, database } = ledger;
  const publicKeyHex = await keyNamed(ledger, options.publicKey);
  const hasRotated = publicKeyHex === ledger.keys.signingKey.publicKeyHex;
  const keys = hasRotated ? await rotate(ledger) : ledger.keys;
  if (hasRotated) await untilNoticed(data, (client) => signsWith(client, keys.signingKey.publicKeyHex));
  const known = keys.ring.revoked.find((one) => one.publicKeyHex === publicKeyHex);
  const key = known ?? { publicKeyHex, from, reason: options.reason };
  const ring = keys.ring.withRevoked(key);

  const writer = writerOf(database, ring);
  const manifest = await readLatest(database, SYSTEM, KERNEL_MANIFEST_ID);
  const isManifestAffected = manifest?.public_key === publicKeyHex && manifest.did !== 'seeded';
  if (isManifestAffected && options.keepManifest) {
    const { at: _at, prev_hash, curr_hash, public_key, signature, ...same } = manifest;
    await writer.append(SYSTEM, [{ ...same, seq: manifest.seq + 1 }]);
  }
  const seeds = await seed({ database, writer, keys: ring });
  await publish(database, ring);
  await storeRing(data, keys, ring);
  await untilTokensRefused(ledger, keys, publicKeyHex);
  return {
    key,
    signsNow: ring.current.publicKeyHex,
    hasRotated,
    seeds,
    lostManifestVersion: isManifestAffected && !options.keepManifest ? manifest.seq : undefined,
  };
}

/** @throws OperatorError (exit code 2) when the instance has no such key */
async function keyNamed({ keys, database }: LocalLedger, name: string): Promise<string> {
  const wanted = name.toLowerCase();
  if (!/^([0-9a-f]{64}|[0-9a-f]{16})$/.test(wanted)) {
    throw new OperatorError('--public-key must be 64 hexadecimal digits, or the 16 of a key id', {
      exitCode: 2,
    });
  }
  const { keys: published } = await readKeyHistory(database);
  const known = [...keys.ring.cursorKeys.map((key) => key.publicKeyHex), ...published.keys()];
  const found = known.find((publicKeyHex) => publicKeyHex === wanted || keyIdOf(publicKeyHex) === wanted);
  if (found !== undefined) return found;
  throw new OperatorError(`no key of this instance is ${wanted}; see: npx logline keys show`, {
    exitCode: 2,
  });
}

/** Waits until a running ledger refuses a token of the revoked key. */
async function untilTokensRefused(
  { data }: LocalLedger,
  { ring }: LocalKeys,
  publicKeyHex: string,
): Promise<void> {
  const key: SigningKey | undefined = ring.earlier.find((one) => one.publicKeyHex === publicKeyHex);
  if (key === undefined) return;
  const token = await mintToken(key, {
    sub: 'operator',
    tenant: 'system',
    scope: 'timeline:read',
    ttlSeconds: 60,
  });
  await untilNoticed(data, async (client) => {
    const { status } = await client.request('/api/timeline?limit=1', { token });
    return status === 401;
  });
}
