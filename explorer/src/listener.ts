import { useLayoutEffect } from 'preact/hooks';

/** Matches narrow windows, where rows take three lines and forms are folded. */
export const NARROW = matchMedia('(max-width: 760px)');

/** Calls a handler now and on each event while the component is mounted; a new handler counts when `inputs` change. */
export function useListener(
  target: EventTarget,
  events: readonly string[],
  handler: () => void,
  inputs: readonly unknown[],
): void {
  useLayoutEffect(() => {
    handler();
    for (const event of events) target.addEventListener(event, handler, { passive: true });
    return () => {
      for (const event of events) target.removeEventListener(event, handler);
    };
  }, inputs);
}
