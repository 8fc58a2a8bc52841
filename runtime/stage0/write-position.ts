import type { Stage0 } from './stage0';

/** Sent with every append and execute; sent back as `x-logline-at-least`, later reads see what was written. */
export const POSITION_HEADER = 'x-logline-position';

/**
 * The header that stands for a write that has committed.
 * @param txId its transaction; without one, everything that was written until now
 */
export async function positionHeader(
  { epochs, cursors }: Stage0,
  txId?: string,
): Promise<Readonly<Record<string, string>>> {
  const state = await (txId === undefined ? epochs.read() : epochs.recall());
  const position = cursors.sealPosition({
    epoch: state.current,
    txId: txId ?? String(state.xmax - 1n),
  });
  return { [POSITION_HEADER]: position };
}
