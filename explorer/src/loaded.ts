import { useCallback, useEffect, useState } from 'preact/hooks';

/** Something that is being loaded, was, or could not be. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/**
 * Loads when `inputs` change, and when asked again. What was loaded before stays until the new is there, unless the
 * inputs are others.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, 'reload'>>({
    value: undefined,
    error: undefined,
    isLoading: true,
  });
  const [round, setRound] = useState(0);
  useEffect(() => {
    setState({ value: undefined, error: undefined, isLoading: true });
  }, inputs);
  useEffect(() => {
    const ended = new AbortController();
    setState((before) => ({ ...before, isLoading: true }));
    load(ended.signal).then(
      (value) => {
        if (!ended.signal.aborted) setState({ value, error: undefined, isLoading: false });
      },
      (error: unknown) => {
        if (!ended.signal.aborted) setState({ value: undefined, error, isLoading: false });
      },
    );
    return () => ended.abort();
  }, [...inputs, round]);
  return { ...state, reload: useCallback(() => setRound((before) => before + 1), []) };
}

/** The first of a listing, at most so many. */
export async function firstOf<T>(listing: AsyncIterable<T>, count: number): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const one of listing) {
    found.push(one);
    if (found.length >= count) break;
  }
  return found;
}
