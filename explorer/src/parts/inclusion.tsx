import { h } from 'preact';
import type { Span } from '../ledger/ledger';
import { readProof, type SpanProof } from '../ledger/span-proof';
import { useLoaded } from '../loaded';
import { usePage } from '../session';
import { visible } from '../text';
import { CheckBadge } from './check-badge';

/** Whether the tenant's log contains a version, checked in this browser. */
export function Inclusion({ span }: { readonly span: Span }) {
  const { ledger } = usePage();
  const { value, error, reload } = useLoaded(() => readProof(ledger, span), [ledger, span.id, span.seq]);
  if (error !== undefined)
    return (
      <p class="hint">
        Its proof could not be read.{' '}
        <button type="button" onClick={reload}>
          Try again
        </button>
      </p>
    );
  if (value !== undefined) return <Shown proof={value} reload={reload} />;
  return (
    <p>
      <CheckBadge />
    </p>
  );
}

function Shown({ proof, reload }: { readonly proof: SpanProof; readonly reload: () => void }) {
  switch (proof.state) {
    case 'included':
      return (
        <details class="inclusion">
          <summary class="check known">
            ✓ In the log: position {proof.index.toLocaleString('en')} of {proof.size.toLocaleString('en')}
          </summary>
          <dl class="facts">
            <dt>checkpoint</dt>
            <dd class="mono">
              {visible(proof.origin)}, size {proof.size}
            </dd>
            <dt>root</dt>
            <dd class="mono">{proof.root}</dd>
          </dl>
        </details>
      );
    case 'pending':
      return (
        <p class="hint">
          Not sealed into the log yet; that takes a moment.{' '}
          <button type="button" onClick={reload}>
            Look again
          </button>
        </p>
      );
    case 'none':
      return null;
    default:
      return (
        <p class="check fault" role="alert">
          ✕ Its proof does not hold: {visible(proof.fault)}
        </p>
      );
  }
}
