import type { Duplex } from 'node:stream';

/** A frame is its length in four bytes, big-endian, and that many bytes of JSON in UTF-8. */
const HEADER_BYTES = 4;

/** Options of {@link FramedPipe}. */
export interface FramedPipeOptions {
  /** Frame limit in bytes: `send` refuses a longer message, and receiving one ends the pipe. */
  readonly maxFrameBytes: number;
  /** Limit of queued messages in bytes; `send` refuses beyond it. */
  readonly maxWaitingBytes: number;
  /** Called with each message, untrusted. An error thrown here ends the pipe. */
  readonly onMessage: (message: unknown) => void;
  /** Called once when the pipe ends: the other side exited or violated the protocol. */
  readonly onEnd: () => void;
}

/** The message was not sent. */
export class PipeFullError extends Error {
  override readonly name = 'PipeFullError';
}

/** Exchanges messages between two of our processes over an inherited pipe. */
export class FramedPipe {
  readonly #stream: Duplex;
  readonly #options: FramedPipeOptions;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Length of the current frame; undefined before its header is complete. */
  #expected: number | undefined;
  #hasEnded = false;

  constructor(stream: Duplex, options: FramedPipeOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('error', () => this.#end());
    stream.once('close', () => this.#end());
    stream.once('end', () => this.#end());
  }

  /** @throws PipeFullError when the message is too large, the queue is full, or the pipe has ended */
  send(message: object): void {
    if (this.#hasEnded) throw new PipeFullError('the pipe has ended');
    const text = JSON.stringify(message);
    const length = Buffer.byteLength(text);
    const { maxFrameBytes, maxWaitingBytes } = this.#options;
    if (length > maxFrameBytes) throw new PipeFullError(`a message has ${length} bytes`);
    if (this.#stream.writableLength + length > maxWaitingBytes) throw new PipeFullError('too much waits');
    const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
    frame.writeUInt32BE(length);
    frame.write(text, HEADER_BYTES);
    this.#stream.write(frame);
  }

  /** Ends the pipe. */
  close(): void {
    this.#stream.destroy();
    this.#end();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    try {
      while (!this.#hasEnded && this.#takeFrame());
    } catch {
      this.close();
    }
  }

  #takeFrame(): boolean {
    if (this.#expected === undefined) {
      if (this.#bytes < HEADER_BYTES) return false;
      this.#expected = this.#read(HEADER_BYTES).readUInt32BE();
      if (this.#expected > this.#options.maxFrameBytes) throw new PipeFullError('a message is too long');
    }
    if (this.#bytes < this.#expected) return false;
    const text = this.#read(this.#expected).toString();
    this.#expected = undefined;
    this.#options.onMessage(JSON.parse(text));
    return true;
  }

  #read(length: number): Buffer {
    const all =
      this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(length)];
    this.#bytes -= length;
    return all.subarray(0, length);
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#chunks = [];
    this.#options.onEnd();
  }
}
