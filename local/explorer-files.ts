import type { BuiltExplorer } from '../explorer/bundle';
import type { ExplorerFiles } from '../runtime/stage0/explorer';

/** The explorer's files, built on the first request for one, so that a start does not wait for it. */
export function builtOnDemand(): ExplorerFiles {
  let built: Promise<BuiltExplorer> | undefined;
  return async (name) => {
    built ??= build().catch((error: unknown) => {
      built = undefined;
      throw error;
    });
    return (await built).get(name);
  };
}

/** Loads esbuild only now. */
async function build(): Promise<BuiltExplorer> {
  const { bundleExplorer } = await import('../explorer/bundle');
  return bundleExplorer();
}
