import { MalformedError } from '../base/errors';
import { fromBase64, toBase64 } from './base64';
import { HASH_BYTES } from './merkle-hash';

/** The content of a checkpoint (https://c2sp.org/tlog-checkpoint): one state of one log. */
export interface Checkpoint {
  readonly origin: string;
  /** Leaves in the tree. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/**
 * The name that origins begin with after a restore that lost, or may have lost, signed entries. A new name, so that
 * nothing that contradicts the lost part is signed under the old one.
 * @param logName `app.feed_epoch.log_name` of the latest restore of that kind; undefined when there was none
 */
export function namedInstance(instance: string, logName: string | undefined): string {
  return logName === undefined ? instance : `${instance}/${logName}`;
}

/** The origin of a tenant's log, which is also the name of the key that signs its checkpoints. */
export function originOf(instance: string, tenant: string): string {
  return `${instance}/${encodeURIComponent(tenant)}`;
}

/** The tenant of an origin of this instance; undefined when it is none. */
export function tenantOf(instance: string, origin: string): string | undefined {
  if (!origin.startsWith(`${instance}/`)) return undefined;
  try {
    const tenant = decodeURIComponent(origin.slice(instance.length + 1));
    return originOf(instance, tenant) === origin ? tenant : undefined;
  } catch {
    return undefined;
  }
}

/** The text that is signed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/**
 * Parses the signed text of a checkpoint. Extension lines after the root are allowed and ignored.
 * @throws MalformedError when it is none
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', sizeText = '', rootText = '', ...extensions] = text.slice(0, -1).split('\n');
  const size = Number(sizeText);
  const root = fromBase64(rootText);
  const isNumber = /^(0|[1-9]\d*)$/.test(sizeText) && Number.isSafeInteger(size);
  if (!text.endsWith('\n') || origin === '' || !isNumber || root?.length !== HASH_BYTES) {
    throw new MalformedError(
      "A checkpoint's lines are its log's origin, the size and the root of 32 bytes in base64.",
    );
  }
  if (extensions.includes('')) throw new MalformedError('An extension line of a checkpoint is not empty.');
  return { origin, size, root };
}
