import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { UnavailableError } from '../base/errors';
import { type AwsCredentials, signedHeaders } from './aws-signature';

/** An object with its ETag, for conditional writes. */
export interface StoredObject {
  readonly text: string;
  readonly etag: string;
}

/** Condition of a write: the object still has this ETag, or does not exist. */
export type WriteCondition = { readonly etag: string } | 'absent';

const TIMEOUT_MS = 5_000;
const TRIES = 3;
const PAUSE_MS = 200;
/** Largest object that is read. */
const MAX_BYTES = 65_536;
/** S3's statuses for a condition that does not hold, and for conflicting conditional writes. */
const CONDITION_FAILED = [409, 412];

/**
 * Small objects of one S3 bucket, by the REST API: the SDK's S3 client would make every cold start slower.
 */
export class S3Bucket {
  readonly #base: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #region: string;

  /** @param env has Lambda's credentials and region; `AWS_ENDPOINT_URL_S3` sets another endpoint, for tests */
  constructor(bucket: string, env: NodeJS.ProcessEnv = process.env) {
    this.#env = env;
    this.#region = env.AWS_REGION ?? 'us-east-1';
    const domain = this.#region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
    this.#base =
      env.AWS_ENDPOINT_URL_S3 === undefined
        ? // Dual stack: private subnets reach the internet by IPv6 alone unless they pay for more.
          `https://${bucket}.s3.dualstack.${this.#region}.${domain}`
        : `${env.AWS_ENDPOINT_URL_S3}/${bucket}`;
  }

  /**
   * An object; undefined when there is none.
   * @throws UnavailableError when S3 does not answer or refuses
   */
  async read(key: string): Promise<StoredObject | undefined> {
    const response = await this.#send('GET', key, {}, '');
    if (response.status === 404) return undefined;
    const text = await response.text();
    const etag = response.headers.get('etag');
    if (response.status !== 200 || etag === null || text.length > MAX_BYTES) throw refused(response, key);
    return { text, etag };
  }

  /**
   * Writes an object.
   * @returns false when its condition does not hold
   * @throws UnavailableError when S3 does not answer or refuses
   */
  async write(key: string, text: string, condition?: WriteCondition): Promise<boolean> {
    const headers = {
      ...conditionHeaders(condition),
      'content-type': 'text/plain; charset=utf-8',
      // A bucket with Object Lock requires a checksum.
      'x-amz-sdk-checksum-algorithm': 'SHA256',
      'x-amz-checksum-sha256': createHash('sha256').update(text).digest('base64'),
    };
    const response = await this.#send('PUT', key, headers, text);
    await response.body?.cancel();
    if (response.status === 200) return true;
    // With If-Match, an object that is gone is 404.
    if (condition !== undefined && [...CONDITION_FAILED, 404].includes(response.status)) return false;
    throw refused(response, key);
  }

  async #send(
    method: string,
    key: string,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<Response> {
    const url = new URL(`${this.#base}/${key.split('/').map(encoded).join('/')}`);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const response = await fetch(url, {
          method,
          headers: signedHeaders({ method, url, headers, body }, this.#credentials(), this.#region, 's3'),
          ...(method === 'GET' ? {} : { body }),
          redirect: 'error',
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        if ((response.status < 500 && response.status !== 429) || attempt === TRIES) return response;
        await response.body?.cancel();
      } catch (cause) {
        if (attempt === TRIES) throw new UnavailableError('S3 does not answer.', { cause });
      }
      await setTimeout(PAUSE_MS * attempt);
    }
  }

  #credentials(): AwsCredentials {
    return {
      accessKeyId: this.#env.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: this.#env.AWS_SECRET_ACCESS_KEY ?? '',
      sessionToken: this.#env.AWS_SESSION_TOKEN || undefined,
    };
  }
}

function conditionHeaders(condition: WriteCondition | undefined): Readonly<Record<string, string>> {
  if (condition === undefined) return {};
  return condition === 'absent' ? { 'if-none-match': '*' } : { 'if-match': condition.etag };
}

/** As S3 signs paths: everything but unreserved characters is percent-encoded. */
function encoded(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function refused({ status }: Response, key: string): UnavailableError {
  return new UnavailableError(`S3 answered ${status} for ${key}.`);
}
