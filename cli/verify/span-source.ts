import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/base/span';
import { parseIJson } from '../../runtime/json/i-json';
import { INSTANCE_KEY, isInstanceKeySpan } from '../../runtime/ledger/keys/key-history';
import { type LedgerApi, member, textMember } from '../ledger-api';

/** One span, or the reason why a line holds none. */
export type Found =
  | {
      readonly location: string;
      readonly span: unknown;
      /** The line of a file, unparsed. */
      readonly line?: Buffer;
    }
  | { readonly location: string; readonly unreadable: string };

/** A line holds one span of at most 1 MiB, which JSON escapes can make six times as long. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
/** Spans a page; a page of the largest spans fits into memory. */
const PAGE_SIZE = 200;
const LINE_FEED = 0x0a;

/**
 * The spans of an NDJSON file, one a line, gzipped if its name ends in `.gz`; `-` reads standard input.
 * Never more than one line is in memory.
 * @param isWanted selects lines by their bytes before parsing; skipped ones still count. Defaults to all
 * @throws OperatorError when the file cannot be read
 */
export async function* spansOfFile(
  file: string,
  isWanted: (line: Buffer) => boolean = () => true,
): AsyncGenerator<Found> {
  let number = 0;
  try {
    for await (const line of linesOf(file)) {
      number += 1;
      const location = `line ${number}`;
      if (line === 'too long') yield { location, unreadable: `it is longer than ${MAX_LINE_BYTES} bytes` };
      else if (isFilled(line) && isWanted(line)) yield read(location, line);
    }
  } catch (cause) {
    if (systemErrorCode(cause) === undefined) throw cause;
    throw new OperatorError(`cannot read ${file} (${oneLine(cause)})`, { cause });
  }
}

function isFilled(line: Buffer): boolean {
  return line.some((byte) => byte > 0x20);
}

function read(location: string, line: Buffer): Found {
  try {
    return { location, span: parseIJson(line), line };
  } catch (error) {
    return { location, unreadable: oneLine(error) };
  }
}

/**
 * The key-history spans of such a file; other lines are skipped without parsing.
 * @throws OperatorError when the file cannot be read
 */
export async function keySpansOfFile(file: string): Promise<SignedSpan[]> {
  const spans: SignedSpan[] = [];
  const mark = Buffer.from(`"${INSTANCE_KEY}"`);
  for await (const found of spansOfFile(file, (line) => line.includes(mark))) {
    // keyHistoryOf ignores spans that do not verify, so they need no check here.
    if ('span' in found && isInstanceKeySpan(found.span)) spans.push(found.span as SignedSpan);
  }
  return spans;
}

async function* linesOf(file: string): AsyncGenerator<Buffer | 'too long'> {
  let parts: Buffer[] = [];
  let bytes = 0;
  const take = (): Buffer | 'too long' => {
    const line = bytes > MAX_LINE_BYTES ? 'too long' : joined(parts);
    parts = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of open(file)) {
    let rest = chunk;
    for (let end = rest.indexOf(LINE_FEED); end !== -1; end = rest.indexOf(LINE_FEED)) {
      bytes += end;
      if (bytes <= MAX_LINE_BYTES) parts.push(rest.subarray(0, end));
      yield take();
      rest = rest.subarray(end + 1);
    }
    bytes += rest.length;
    if (bytes <= MAX_LINE_BYTES) parts.push(rest);
    else parts = [];
  }
  if (bytes > 0) yield take();
}

/** Joins the chunks of a line; most lines lie in one chunk and need no copy. */
function joined(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first : Buffer.concat(parts);
}

async function* open(file: string): AsyncGenerator<Buffer> {
  const raw = file === '-' ? process.stdin : createReadStream(file);
  if (!file.endsWith('.gz')) {
    yield* raw;
    return;
  }
  const plain = createGunzip();
  raw.on('error', (error: Error) => plain.destroy(error));
  yield* raw.pipe(plain);
}

/**
 * Every span that the client's token may read, in commit order, up to the current end of the feed.
 * @throws OperatorError when the API refuses or does not answer
 */
export async function* spansOfUrl(client: LedgerApi): AsyncGenerator<Found> {
  let number = 0;
  let coming: Promise<Page> | undefined = pageOf(client, undefined);
  while (coming !== undefined) {
    const page: Page = await coming;
    // The ledger reads on while these are checked.
    coming = page.next === undefined ? undefined : pageOf(client, page.next);
    coming?.catch(() => undefined);
    for (const span of page.spans) {
      number += 1;
      yield { location: `position ${number} of the feed`, span };
    }
  }
}

interface Page {
  readonly spans: readonly unknown[];
  /** Cursor of the page behind it; undefined at the end of the feed. */
  readonly next: string | undefined;
}

async function pageOf(client: LedgerApi, cursor: string | undefined): Promise<Page> {
  const query = new URLSearchParams({ order: 'feed', limit: String(PAGE_SIZE) });
  if (cursor !== undefined) query.set('cursor', cursor);
  const page = await client.demand(`/api/timeline?${query}`);
  const spans = member(page, 'spans');
  if (!Array.isArray(spans)) {
    throw new OperatorError(`${client.url} does not answer like LogLine: /api/timeline holds no "spans"`);
  }
  if (member(page, 'has_more') !== true) return { spans, next: undefined };
  const next = textMember(page, 'next_cursor');
  if (next === undefined || next === cursor) {
    throw new OperatorError(`${client.url} says that there is more, but its cursor does not move on`);
  }
  return { spans, next };
}
