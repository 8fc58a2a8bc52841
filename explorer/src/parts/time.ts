import { html } from '../html';
import { localTime, relativeTime, utcTitle } from '../time';

/** A moment in local time, with UTC on hover. */
export function Time({ at }: { readonly at: string }) {
  return html`<time datetime=${at} title=${utcTitle(at)}>${localTime(at)}</time>`;
}

/** A moment as seen from now, with both times on hover. */
export function Ago({ at }: { readonly at: string }) {
  return html`<time datetime=${at} title=${`${localTime(at)} · ${utcTitle(at)}`}>${relativeTime(at)}</time>`;
}
