import { h } from 'preact';
import { brief } from '../text';

/** The beginning of an untrusted text, whose writing direction does not affect the text around it. */
export function isolated(text: string | null | undefined, length?: number) {
  return <bdi>{brief(text ?? '', length)}</bdi>;
}

/** A status, coloured by `tone`: `good`, `bad` or neutral. */
export function Pill({ text, tone = '' }: { readonly text: string; readonly tone?: string | undefined }) {
  return <span class={`pill ${tone}`}>{isolated(text, 40)}</span>;
}
