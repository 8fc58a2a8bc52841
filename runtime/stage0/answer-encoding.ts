import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FairShares } from '../base/fair-shares';
import type { Answer } from './answer';

/** Below this a gzip header and a turn of the thread pool cost more than the bytes that are saved. */
const MIN_BYTES = 1_024;
/** Level 4 takes half the time of the default 6 for 3 % more bytes (a page of 1,000 spans). */
const LEVEL = 4;
/** From here on an answer is large: compressing it takes a thread some 2 ms and more. */
const LARGE_BYTES = 64 * 1024;

const gzipAsync = promisify(gzip);

/**
 * The answer, gzipped when it is larger than 1 KB and the client accepts that (RFC 9110 section 12.5.3). A large one is
 * not compressed while another one of its tenant is: libuv's threads are first come, first served, so that one tenant's
 * pages would delay the small answers of all others.
 */
export async function compressed(
  answer: Answer,
  request: Request,
  { compressions, tenant }: { readonly compressions: FairShares; readonly tenant: string },
): Promise<Answer> {
  const { text, body, headers } = answer;
  if (body !== undefined || text.length < MIN_BYTES || 'content-encoding' in headers) return answer;
  if (!acceptsGzip(request.headers.get('accept-encoding'))) return answer;
  const release = text.length < LARGE_BYTES ? () => {} : compressions.tryTake(tenant, 1);
  if (release === undefined) return answer;
  try {
    const bytes = await gzipAsync(text, { level: LEVEL });
    return { ...answer, headers: { ...headers, 'content-encoding': 'gzip' }, body: bytes };
  } finally {
    release();
  }
}

/** Whether `gzip`, or else `*`, is named without a weight of 0. */
export function acceptsGzip(header: string | null): boolean {
  if (header === null) return false;
  const weights = new Map<string, number>();
  for (const item of header.split(',')) {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    weights.set(coding, weight === undefined ? 1 : Number(weight));
  }
  return (weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0) > 0;
}
