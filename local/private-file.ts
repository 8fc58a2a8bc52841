import { link, open, rename, rm, stat } from 'node:fs/promises';

/**
 * Writes a file that only its owner may read, atomically and durably.
 *
 * @param mode `create` fails with EEXIST if the file exists; `replace` overwrites it, and keeps its owner when root runs it
 */
export async function writePrivateFile(
  file: string,
  content: string,
  mode: 'create' | 'replace',
): Promise<void> {
  const draft = `${file}.${process.pid}.draft`;
  const handle = await open(draft, 'w', 0o600);
  try {
    const before = mode === 'replace' ? await stat(file).catch(() => undefined) : undefined;
    if (before !== undefined && process.getuid?.() === 0) await handle.chown(before.uid, before.gid);
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    if (mode === 'replace') await rename(draft, file);
    else await link(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}
