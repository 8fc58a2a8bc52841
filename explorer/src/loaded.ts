import { useEffect, useState } from 'preact/hooks';

/** State of a load; neither `value` nor `error` is set while the first is under way. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  readonly reload: () => void;
}

const NOTHING = { value: undefined, error: undefined };

/**
 * Loads when `inputs` change and when `reload` is called. A reload keeps the previous value until the next arrives;
 * changed inputs clear it at once.
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
