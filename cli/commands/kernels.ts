import type { Command } from 'commander';

/** The kernel process that `npm start` starts beside the API. */
export function define(program: Command): void {
  program.command('kernels <folder>', { hidden: true }).action(async (folder: string) => {
    const { dataDirectory } = await import('../../local/data-directory');
    const { runKernelHouse } = await import('../../local/kernel-house');
    await runKernelHouse(dataDirectory({ LOGLINE_DATA: folder }));
  });
}
