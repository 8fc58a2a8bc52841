import { h } from 'preact';
import type { SpanCheck } from '../ledger/span-check';
import { Mark } from './mark';

/** The result of a check in a word, with details on hover. */
export function CheckBadge({ check }: { readonly check?: SpanCheck | undefined }) {
  if (check === undefined)
    return (
      <span class="check" title="being checked">
        …
      </span>
    );
  const [title, text] = told(check);
  return (
    <Mark outcome={check.outcome} title={title}>
      {text}
    </Mark>
  );
}

function told(check: SpanCheck): readonly [string, string] {
  switch (check.outcome) {
    case 'unchecked':
      return [check.why, 'unchecked'];
    case 'known':
      return [`signed by ${check.publicKey}, a key of this instance`, 'verified'];
    case 'other':
      return [`valid under ${check.publicKey}: ${check.why}`, check.brief];
    default:
      return [check.detail, check.faults.join(', ')];
  }
}
