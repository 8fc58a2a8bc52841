import { html } from '../html';
import type { SpanCheck } from '../ledger/span-check';

/** The outcome of a check: three shapes, three colours and three words, so that no one of them has to be seen. */
export function CheckBadge({ check }: { readonly check: SpanCheck | undefined }) {
  if (check === undefined) return html`<span class="check" title="being checked">…</span>`;
  switch (check.outcome) {
    case 'unchecked':
      return html`<span class="check" title=${check.why}><span aria-hidden="true">?</span> unchecked</span>`;
    case 'known':
      return html`<span class="check known" title=${`signed by ${check.publicKey}, a key of this instance`}>
        <span aria-hidden="true">✓</span> verified</span>`;
    case 'other':
      return html`<span class="check other" title=${`valid under ${check.publicKey}: ${check.why}`}>
        <span aria-hidden="true">◆</span> ${check.brief}</span>`;
    default:
      return html`<span class="check fault" title=${check.detail}>
        <span aria-hidden="true">✕</span> ${check.faults.join(', ')}</span>`;
  }
}
