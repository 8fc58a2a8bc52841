import { createTarDecoder, type ParsedTarEntry, type TarHeader } from 'modern-tar';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';

/** A member of an archive. Read its content before requesting the next member; unread content is skipped. */
export interface TarEntry {
  readonly header: TarHeader;
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * Reads an archive member by member, with at most a few MiB in memory.
 * @throws OperatorError when it is no archive, or ends too early
 */
export async function* readTar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const entries = ReadableStream.from(chunks).pipeThrough(createTarDecoder({ strict: true }));
  for await (const { header, body } of explained<ParsedTarEntry>(entries)) {
    const content = explained(body);
    yield { header, content };
    for await (const _ of content);
  }
}

/** Faults of the archive as the operator's; faults of the source stay as they are. */
async function* explained<T>(parts: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* parts;
  } catch (cause) {
    if (cause instanceof OperatorError || systemErrorCode(cause) !== undefined) throw cause;
    throw new OperatorError(`the archive is damaged or ends too early (${oneLine(cause)})`, { cause });
  }
}
