import { useLayoutEffect } from 'preact/hooks';

/** Where rows take more lines, and forms open on demand. */
export const NARROW = matchMedia('(max-width: 760px)');

/** Calls a handler now, and on every such event while the component is there; another handler when `inputs` change. */
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
