import { OperatorError } from '../../local/operator-error';

/** POSIX.1-1988 (ustar), as PostgreSQL's server writes it: names below 100 bytes, sizes below 8 GiB. */
const BLOCK_BYTES = 512;
const NAME_BYTES = 100;

/** A member of an archive. Read its content before requesting the next member; unread content is skipped. */
export interface TarEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'other';
  /** Size of the content in bytes. */
  readonly size: number;
  /** Its header block. */
  readonly header: Buffer;
  readonly content: AsyncIterable<Buffer>;
}

/** End of an archive: two blocks of zeros. */
export const TAR_END = Buffer.alloc(2 * BLOCK_BYTES);

/** Padding after a content of `size` bytes. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** The header of a file that only its owner may read. */
export function tarHeader(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) >= NAME_BYTES) throw new RangeError(`${name} is too long a name`);
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  };
  header.write(name, 0, 'utf8');
  octal(0o600, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(Math.floor(Date.now() / 1_000), 136, 11);
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  octal(checksumOf(header), 148, 6);
  header.write(' ', 155, 'latin1');
  return header;
}

/**
 * Reads an archive member by member, with only the current chunk in memory.
 * @throws OperatorError when it is no archive, or ends too early
 */
export async function* readTar(chunks: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const source = new ByteSource(chunks);
  try {
    for (;;) {
      const header = Buffer.concat(await collect(source.take(BLOCK_BYTES)));
      if (header.every((byte) => byte === 0)) return;
      const { name, kind, size } = parseHeader(header);
      const content = source.take(size);
      yield { name, kind, size, header, content };
      for await (const _ of content);
      for await (const _ of source.take(tarPadding(size).length));
    }
  } finally {
    await source.close();
  }
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const all = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

function parseHeader(header: Buffer): Pick<TarEntry, 'name' | 'kind' | 'size'> {
  const text = (at: number, bytes: number): string =>
    header.toString('utf8', at, at + bytes).split('\0', 1)[0] ?? '';
  const octal = (at: number, bytes: number): number => {
    const digits = text(at, bytes).trim();
    return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
  };
  const size = octal(124, 12);
  const isTar = text(257, 5) === 'ustar' && octal(148, 8) === checksumOf(header);
  if (!isTar || !Number.isSafeInteger(size)) throw new OperatorError('the archive is damaged, or none');
  const kinds: Readonly<Record<string, TarEntry['kind']>> = { '0': 'file', '': 'file', '5': 'folder' };
  return { name: text(0, NAME_BYTES), kind: kinds[text(156, 1)] ?? 'other', size };
}

/** Checksum of a header, with its own field counted as blanks. */
function checksumOf(header: Buffer): number {
  let sum = 8 * 0x20;
  for (const [index, byte] of header.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum;
}

/** Serves bytes in pieces of any size from incoming chunks. */
class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `bytes` bytes. Iterating again continues with the unread rest. */
  take(bytes: number): AsyncIterable<Buffer> {
    let left = bytes;
    const next = async (): Promise<IteratorResult<Buffer>> => {
      if (left === 0) return { done: true, value: undefined };
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done) throw new OperatorError('the archive ends too early');
        this.#rest = value;
      }
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      return { done: false, value: piece };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
