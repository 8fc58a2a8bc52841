import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { OperatorError, oneLine } from '../../local/operator-error';

/**
 * Runs `work` with a file that can be read repeatedly: `file` itself, or for `-` a temporary copy of standard input.
 * @throws OperatorError when standard input cannot be copied
 */
export async function withSeekableFile<T>(file: string, work: (file: string) => Promise<T>): Promise<T> {
  if (file !== '-') return work(file);
  const folder = await mkdtemp(path.join(tmpdir(), 'logline-stdin-'));
  try {
    const copy = path.join(folder, 'stdin.ndjson');
    try {
      await pipeline(process.stdin, createWriteStream(copy, { mode: 0o600 }));
    } catch (cause) {
      throw new OperatorError(`cannot keep standard input in ${folder} (${oneLine(cause)})`, { cause });
    }
    return await work(copy);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
