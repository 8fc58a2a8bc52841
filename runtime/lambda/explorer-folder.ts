import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExplorerFiles } from '../stage0/explorer';

/** Reads a file of the explorer from the layer, where it lies beside this bundle. */
export const readExplorerFile: ExplorerFiles = async (name) => {
  try {
    return await readFile(join(__dirname, 'explorer', name));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
};
