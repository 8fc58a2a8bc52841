import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** All versions of an object, newest last. */
type Versions = { readonly text: string; readonly etag: string }[];

/**
 * Stand-in for S3's REST protocol: ETags, conditional writes, versions, and a required checksum, as in a bucket with
 * Object Lock.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
 */
export class S3StandIn {
  /** `bucket/key` → versions. */
  readonly objects = new Map<string, Versions>();
  /** Called before each write, so that a test can write first. */
  beforeWrite: (() => void) | undefined;

  /** The newest text under a key of any bucket. */
  text(key: string): string | undefined {
    return [...this.objects].find(([name]) => name.endsWith(`/${key}`))?.[1].at(-1)?.text;
  }

  /** Writes as another client, without a condition. */
  put(name: string, text: string): void {
    const etag = `"${createHash('md5').update(text).digest('hex')}"`;
    this.objects.set(name, [...(this.objects.get(name) ?? []), { text, etag }]);
  }

  /** @param name `bucket/key` */
  handle(request: IncomingMessage, name: string, body: string, response: ServerResponse): void {
    if (request.method === 'GET') this.#get(name, response);
    else if (request.method === 'PUT') this.#put(request.headers, name, body, response);
    else refuse(response, 405, 'MethodNotAllowed');
  }

  #get(name: string, response: ServerResponse): void {
    const object = this.objects.get(name)?.at(-1);
    if (object === undefined) refuse(response, 404, 'NoSuchKey');
    else response.writeHead(200, { etag: object.etag }).end(object.text);
  }

  #put(headers: IncomingMessage['headers'], name: string, body: string, response: ServerResponse): void {
    const hash = createHash('sha256').update(body).digest();
    if (
      headers['x-amz-content-sha256'] !== hash.toString('hex') ||
      headers['x-amz-checksum-sha256'] !== hash.toString('base64')
    ) {
      refuse(response, 400, 'XAmzContentSHA256Mismatch');
      return;
    }
    this.beforeWrite?.();
    const present = this.objects.get(name)?.at(-1);
    const [match, noneMatch] = [headers['if-match'], headers['if-none-match']];
    if (match !== undefined && present === undefined) refuse(response, 404, 'NoSuchKey');
    else if ((match !== undefined && match !== present?.etag) || (noneMatch === '*' && present !== undefined))
      refuse(response, 412, 'PreconditionFailed');
    else {
      this.put(name, body);
      response.writeHead(200, { etag: this.objects.get(name)?.at(-1)?.etag }).end();
    }
  }
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`);
}
