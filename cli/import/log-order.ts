import type { SignedSpan } from '../../runtime/base/span';
import { sha256 } from '../../runtime/crypto/sha256';
import { leafHashOf } from '../../runtime/proofs/leaf';
import { LogFolder, logFolderOf } from '../proofs/log-folder';
import type { Found } from '../verify/span-source';
import { leafHashesOf } from './kept-leaves';
import { PositionIndex } from './position-index';
import { type Place, ScratchFile } from './scratch-file';

/** A verified span and its JSON. */
export interface ImportLine {
  readonly span: SignedSpan;
  readonly text: string;
}

/**
 * The spans of a file in the order of the exported log. An export lists one owner after another; imported in that order,
 * feed and log would differ from the original's. Spans that the log lacks come last, in the file's order.
 *
 * Needs 40 bytes of memory a position, and space for a copy of the spans in the temporary folder.
 */
export class LogOrder {
  readonly #positions: PositionIndex;
  readonly #copy: ScratchFile;
  readonly #starts: Float64Array;
  readonly #lengths: Uint32Array;
  /** Places of spans without a log position. */
  readonly #rest: Place[] = [];

  private constructor(positions: PositionIndex, copy: ScratchFile) {
    this.#positions = positions;
    this.#copy = copy;
    this.#starts = new Float64Array(positions.size);
    this.#lengths = new Uint32Array(positions.size);
  }

  /**
   * Returns undefined when the export has no log.
   * @param file path of the export, beside which the log lies
   * @throws OperatorError when the log cannot be read or the temporary folder cannot be written
   */
  static async beside(file: string): Promise<LogOrder | undefined> {
    const hashes = await leafHashesOf(new LogFolder(logFolderOf(file)));
    if (hashes === undefined) return undefined;
    return new LogOrder(await PositionIndex.of(hashes), await ScratchFile.create());
  }

  /**
   * Passes spans through and copies each.
   * @throws OperatorError when the temporary folder is full
   */
  async *passing(source: AsyncIterable<Found>): AsyncGenerator<Found> {
    for await (const found of source) {
      // Anything else is a fault, after which nothing is imported.
      if ('span' in found && typeof found.span === 'object' && found.span !== null && found.line)
        this.#note(found.span as SignedSpan, found.line);
      if (this.#copy.isFull) await this.#copy.flush();
      yield found;
    }
    await this.#copy.flush();
  }

  #note(span: SignedSpan, line: Buffer): void {
    const place = this.#copy.append(line);
    const position = this.#positions.take(leafHashOf(sha256, span));
    if (position === undefined) {
      this.#rest.push(place);
      return;
    }
    this.#starts[position] = place.start;
    this.#lengths[position] = place.length;
  }

  /** The spans that passed, in log order. */
  *spans(): Generator<ImportLine> {
    for (const [position, length] of this.#lengths.entries()) {
      // The span of a position without length is not in the file.
      if (length > 0) yield this.#read({ start: this.#starts[position] ?? 0, length });
    }
    for (const place of this.#rest) yield this.#read(place);
  }

  #read(place: Place): ImportLine {
    const text = this.#copy.read(place).toString();
    return { span: JSON.parse(text), text };
  }

  close(): Promise<void> {
    return this.#copy.close();
  }
}

/** The spans of a verified file, in the file's order. */
export async function* linesInFileOrder(source: AsyncIterable<Found>): AsyncGenerator<ImportLine> {
  for await (const found of source)
    if ('span' in found && found.line) yield { span: found.span as SignedSpan, text: found.line.toString() };
}
