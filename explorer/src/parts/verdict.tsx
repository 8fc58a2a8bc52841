import { h } from 'preact';
import type { SpanCheck } from '../ledger/span-check';
import { visible } from '../text';

/** The outcome of a check, explained. */
export function Verdict({ check }: { readonly check: SpanCheck | undefined }) {
  if (check === undefined) return <p class="verdict">Being checked…</p>;
  switch (check.outcome) {
    case 'unchecked':
      return (
        <div class="verdict other">
          <strong>? Not checked</strong>
          <span>
            {visible(check.why)}. Check it with <code>npx logline verify</code>.
          </span>
        </div>
      );
    case 'known':
      return (
        <div class="verdict known">
          <strong class="check known">✓ Verified in this browser</strong>
          <span>
            Hash and signature hold; key <code>{check.publicKey}</code> is this instance's.
          </span>
        </div>
      );
    case 'other':
      return (
        <div class="verdict other">
          <strong class="check other">
            ◆ {check.isOurs ? 'Signed by a key that was not valid at its time' : 'Valid under another key'}
          </strong>
          <span>
            Hash and signature hold under <code>{check.publicKey}</code>: {check.why}.{' '}
            {check.isOurs
              ? 'Whoever writes a span chooses its time; its place in the log says when it came.'
              : 'Trust it as far as you trust who holds that key.'}
          </span>
        </div>
      );
    default:
      return (
        <div class="verdict fault" role="alert">
          <strong class="check fault">✕ Faulty: {check.faults.join(', ')}</strong>
          <span>{visible(check.detail)}. Do not rely on what this span says.</span>
        </div>
      );
  }
}
