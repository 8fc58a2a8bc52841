import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { OperatorError, systemErrorCode } from '../../local/operator-error';
import { OLDER_LOGS } from '../../local/run-log';
import { textMember } from '../ledger-api';
import { pause } from './cloudwatch-log';
import type { LogEntry } from './log-entry';

/** Options of {@link localLog}. */
export interface LocalLogOptions {
  readonly file: string;
  readonly sinceMs: number;
  /** Filter on the text and the parsed members of a line. */
  readonly isWanted: (text: string, line: unknown) => boolean;
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly pollMs?: number;
}

const POLL_MS = 300;

/**
 * The lines of a local run's log: rotated files first, oldest first, then the current one; one line in memory at a time.
 * @throws OperatorError when there is no log yet
 */
export async function* localLog(options: LocalLogOptions): AsyncGenerator<LogEntry> {
  const { file, follow, signal } = options;
  if ((await sizeAndInode(file)) === undefined) {
    throw new OperatorError(`there is no log at ${file} yet; npm start writes it`);
  }
  for (let number = OLDER_LOGS; number >= 1; number -= 1)
    yield* wanted(lines(`${file}.${number}`, 0), options);
  let place = { offset: 0, inode: (await sizeAndInode(file))?.inode };
  while (!signal.aborted) {
    const now = await sizeAndInode(file);
    // Another inode or a shorter file: the log was rotated.
    if (now !== undefined && (now.inode !== place.inode || now.size < place.offset)) {
      place = { offset: 0, inode: now.inode };
    }
    if (now !== undefined && now.size > place.offset) {
      const counted = countBytes(lines(file, place.offset), (bytes) => {
        place.offset += bytes;
      });
      yield* wanted(counted, options);
    }
    if (!follow) return;
    await pause(options.pollMs ?? POLL_MS, signal);
  }
}

async function sizeAndInode(file: string): Promise<{ size: number; inode: number } | undefined> {
  try {
    const { size, ino } = await stat(file);
    return { size, inode: ino };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new OperatorError(`cannot read ${file} (${systemErrorCode(error)})`, { cause: error });
  }
}

/** Complete lines from `offset` on; an unterminated last line is still being written and is left for later. */
async function* lines(file: string, offset: number): AsyncGenerator<string> {
  if ((await sizeAndInode(file)) === undefined) return;
  const input = createReadStream(file, { start: offset, encoding: 'utf8' });
  let rest = '';
  for await (const chunk of input) {
    rest += chunk;
    let end = rest.indexOf('\n');
    while (end >= 0) {
      yield rest.slice(0, end + 1);
      rest = rest.slice(end + 1);
      end = rest.indexOf('\n');
    }
  }
}

async function* countBytes(
  source: AsyncIterable<string>,
  onLine: (bytes: number) => void,
): AsyncGenerator<string> {
  for await (const line of source) {
    onLine(Buffer.byteLength(line));
    yield line;
  }
}

async function* wanted(
  source: AsyncIterable<string>,
  { sinceMs, isWanted }: LocalLogOptions,
): AsyncGenerator<LogEntry> {
  for await (const line of source) {
    const text = line.trimEnd();
    if (text === '') continue;
    const parsed = parseOrUndefined(text);
    const atMs = Date.parse(textMember(parsed, 'time') ?? '');
    if (!(atMs >= sinceMs) || !isWanted(text, parsed)) continue;
    yield { atMs, source: sourceOf(parsed), text };
  }
}

/** The job that a line names, else `logline`. */
function sourceOf(line: unknown): string {
  return textMember(line, 'function') ?? textMember(line, 'service') ?? 'logline';
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
