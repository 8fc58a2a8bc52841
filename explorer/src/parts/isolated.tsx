import { h } from 'preact';
import { brief } from '../text';

/** The beginning of a text of others, in which the direction of writing ends with it. */
export function isolated(text: string | null | undefined, length?: number) {
  return <bdi>{brief(text ?? '', length)}</bdi>;
}

/** A status; `bad` and `good` ones look so. */
export function Pill({ text, tone = '' }: { readonly text: string; readonly tone?: string | undefined }) {
  return <span class={`pill ${tone}`}>{isolated(text, 40)}</span>;
}
