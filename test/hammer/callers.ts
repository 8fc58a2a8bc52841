import { connect } from 'node:net';
import type { Tenant } from './tenant';

/**
 * Starts an attack and resolves once it runs; it goes on until its process ends.
 * @param bad the tenant that attacks
 * @param others further ones, for an attack of several tenants
 */
export type Attack = (bad: Tenant, others: readonly Tenant[]) => Promise<void> | void;

/** Runs `call` in a loop in each of several callers. */
export function over(callers: number, call: () => Promise<unknown>): void {
  for (let caller = 0; caller < callers; caller += 1) {
    void (async () => {
      for (;;) await call();
    })();
  }
}

export function executing(bad: Tenant, callers: number, code: string): void {
  over(callers, () => bad.execute(code));
}

/** Sockets that send a text and then nothing, and read answers or not. Closed sockets are opened again. */
export function sockets(bad: Tenant, count: number, text: string, reads = true): void {
  const { port, hostname } = new URL(bad.url);
  const open = (): void => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on('error', () => {});
    if (reads) socket.on('data', () => {});
    socket.on('close', () => setTimeout(open, 100));
  };
  for (let index = 0; index < count; index += 1) open();
}
