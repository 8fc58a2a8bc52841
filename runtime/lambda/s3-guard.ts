import { ConfigurationError } from '../base/errors';
import { type GuardRecord, type GuardStore, guardText, parseGuard } from '../proofs/rollback-guard';
import type { S3Bucket } from './s3-bucket';

const KEY = 'guard/record.json';

/**
 * The rollback guard as an object in S3, which a restore of the database does not touch. Of two concurrent sealers only
 * one can replace it: each write is conditional on the ETag that was read.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export class S3Guard implements GuardStore {
  readonly #bucket: S3Bucket;
  /** The record read last, with its ETag. */
  #seen: { readonly record: GuardRecord; readonly etag: string } | undefined;

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  /** @throws ConfigurationError when the object exists but is no valid record */
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
