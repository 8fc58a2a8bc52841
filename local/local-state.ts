import { readFile } from 'node:fs/promises';
import type { DataDirectory } from './data-directory';
import { writePrivateFile } from './private-file';

/** The embedded server's previous port, so that saved connection settings keep working. */
export async function rememberedPort(data: DataDirectory): Promise<number | undefined> {
  try {
    const state: unknown = JSON.parse(await readFile(data.state, 'utf8'));
    if (typeof state !== 'object' || state === null || !('postgres_port' in state)) return undefined;
    const port = state.postgres_port;
    return typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch {
    return undefined; // Optional: without it the system picks a port.
  }
}

/** Stores the port for the next start. */
export async function rememberPort(data: DataDirectory, port: number): Promise<void> {
  await writePrivateFile(data.state, `${JSON.stringify({ postgres_port: port })}\n`, 'replace');
}
