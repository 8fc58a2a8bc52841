import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until `look` returns something other than undefined or false, and returns that.
 * @throws Error naming `what` after `timeoutMs` (default 20,000)
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await sleep(25);
  }
}
