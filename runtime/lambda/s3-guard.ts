import { ConfigurationError } from '../base/errors';
import { type GuardRecord, type GuardStore, guardText, parseGuard } from '../proofs/rollback-guard';
import type { S3Bucket } from './s3-bucket';

const KEY = 'guard/record.json';

/**
 * The rollback guard as an object in S3, out of reach of whoever puts the database back. Two that seal at once cannot
 * both replace it: each write names the object that it was made after.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export class S3Guard implements GuardStore {
  readonly #bucket: S3Bucket;
  /** What was read last, and the ETag that it had. */
  #seen: { readonly record: GuardRecord; readonly etag: string } | undefined;

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  /** @throws ConfigurationError when the object is there and cannot be understood */
  async read(): Promise<GuardRecord | undefined> {
    this.#seen = undefined;
    const object = await this.#bucket.read(KEY);
    if (object === undefined) return undefined;
    const record = parseGuard(object.text);
    if (record === undefined)
      throw new ConfigurationError(
        `The object ${KEY} is no rollback guard; put an older version of it back.`,
      );
    this.#seen = { record, etag: object.etag };
    return record;
  }

  async swap(before: GuardRecord | undefined, after: GuardRecord): Promise<boolean> {
    const seen = this.#seen;
    if (seen === undefined)
      return before === undefined && this.#bucket.write(KEY, guardText(after), 'absent');
    if (before === undefined || guardText(seen.record) !== guardText(before)) return false;
    return this.#bucket.write(KEY, guardText(after), { etag: seen.etag });
  }
}
