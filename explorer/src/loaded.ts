import { useEffect, useState } from 'preact/hooks';

/** Something that is being loaded, was, or could not be. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  readonly reload: () => void;
}

const NOTHING = { value: undefined, error: undefined };

/**
 * Loads when `inputs` change, and when asked again. What was loaded before stays until the new is there, unless the
 * inputs are others.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, 'reload'>>(NOTHING);
  const [round, setRound] = useState(0);
  useEffect(() => {
    setState(NOTHING);
  }, inputs);
  useEffect(() => {
    const ended = new AbortController();
    load(ended.signal).then(
      (value) => {
        if (!ended.signal.aborted) setState({ value, error: undefined });
      },
      (error: unknown) => {
        if (!ended.signal.aborted) setState({ value: undefined, error });
      },
    );
    return () => ended.abort();
  }, [...inputs, round]);
  return { ...state, reload: () => setRound((before) => before + 1) };
}
