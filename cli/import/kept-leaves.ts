import { OperatorError, oneLine } from '../../local/operator-error';
import { parseCheckpoint } from '../../runtime/proofs/checkpoint';
import { hashesOf } from '../../runtime/proofs/leaf';
import { parseNote } from '../../runtime/proofs/signed-note';
import { tilePath, tileWidth } from '../../runtime/proofs/tile';
import type { LogFolder } from '../proofs/log-folder';

/** The leaf hashes of a log, by position. */
export interface LeafHashes extends AsyncIterable<Uint8Array> {
  readonly size: number;
}

/**
 * The leaf hashes of an exported log; undefined without one. They are not verified here, `verify --file` does that.
 * @throws OperatorError when the folder is incomplete
 */
export async function leafHashesOf(folder: LogFolder): Promise<LeafHashes | undefined> {
  const note = await folder.read('checkpoint');
  if (note === undefined) return undefined;
  const size = sizeOf(note, folder);
  return { size, [Symbol.asyncIterator]: () => hashesIn(folder, size) };
}

function sizeOf(note: string, folder: LogFolder): number {
  try {
    return parseCheckpoint(parseNote(note).text).size;
  } catch (cause) {
    throw new OperatorError(`${folder.path} holds no checkpoint (${oneLine(cause)})`, { cause });
  }
}

async function* hashesIn(folder: LogFolder, size: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; tileWidth(0, index, size) > 0; index += 1) {
    const width = tileWidth(0, index, size);
    const { bytes } = await folder.requestBytes(`/api/log/-/${tilePath(0, index, width)}`);
    const hashes = hashesOf(bytes);
    if (hashes?.length !== width) {
      throw new OperatorError(
        `${folder.path} lacks ${tilePath(0, index, width)}; check it with verify --file`,
      );
    }
    yield* hashes;
  }
}
