import { useState } from 'preact/hooks';
import { usePage } from '../context';
import { html } from '../html';
import { newestOf } from '../ledger/checked-rows';
import type { Span } from '../ledger/ledger';
import { type PolicyLag, readStatus } from '../ledger/tenant-status';
import { firstOf, useLoaded } from '../loaded';
import { Content } from '../parts/content';
import { LoadedPart, SpanList } from '../parts/listing';
import { Empty } from '../parts/notice';
import { Ago } from '../parts/time';
import { spanHref } from '../route';
import { brief } from '../text';

const READ_VERSIONS = 500;
const REACTIONS = 50;

/** Policies: how far each has read, what it did, and what went wrong. */
export function PoliciesPage() {
  const { ledger } = usePage();
  const loaded = useLoaded(
    async (signal) => {
      const [versions, status] = await Promise.all([
        firstOf(
          ledger.timeline({ values: { entity_type: ['policy'] } }, signal, READ_VERSIONS),
          READ_VERSIONS,
        ),
        readStatus(ledger),
      ]);
      return { policies: newestOf(versions), lags: status?.policies };
    },
    [ledger],
  );
  return html`<h1>Policies</h1>
    <p class="hint">A policy is shown every later span that its owner may read, once, and answers with actions. <button type="button" onClick=${loaded.reload}>Refresh</button></p>
    <${LoadedPart} loaded=${loaded} what="policies">${({
      policies,
      lags,
    }: {
      policies: readonly Span[];
      lags: readonly PolicyLag[] | undefined;
    }) =>
      policies.length === 0
        ? html`<${Empty} title="No policy yet."><p>Append a span with entity_type “policy”, status “active” and a function <code>on(span)</code> in its code.</p></${Empty}>`
        : html`${lags === undefined ? html`<p>How far each policy has read is shown to tokens with the scope <code>admin</code>.</p>` : null}
          ${policies.map((policy) => html`<${Policy} key=${policy.id} policy=${policy} lag=${lags?.find(({ policyId }) => policyId === policy.id)} />`)}`}</${LoadedPart}>`;
}

function Policy({ policy, lag }: { readonly policy: Span; readonly lag: PolicyLag | undefined }) {
  const [isOpen, setOpen] = useState(false);
  const name = brief(policy.name ?? policy.this, 100);
  return html`<section class="panel" aria-label=${name}>
    <h2><a href=${spanHref(policy.id)}><bdi>${name}</bdi></a> <span class=${`pill ${policy.status === 'active' ? 'good' : ''}`}><bdi>${brief(policy.status ?? 'no status', 40)}</bdi></span></h2>
    <dl class="facts">
      <dt>owner</dt><dd><bdi>${brief(`${policy.owner_id}@${policy.tenant_id}`, 100)}</bdi></dd>
      ${
        lag === undefined
          ? null
          : html`<dt>cursor</dt><dd>${lag.behind === 0 ? 'has seen every span' : `${lag.behind.toLocaleString('en')} spans behind`}</dd>
      <dt>last error</dt><dd>${lag.lastError === undefined ? 'none' : html`<a href=${spanHref(lag.lastError.spanId)}>${lag.lastError.code}</a>, <${Ago} at=${lag.lastError.at} />`}</dd>`
      }
    </dl>
    <details onToggle=${() => setOpen(true)}><summary>Code, reactions and errors</summary>
      ${isOpen ? html`<${Content} text=${policy.code ?? ''} label=${`code of ${name}`} /><${Reactions} policy=${policy} />` : null}
    </details>
  </section>`;
}

function Reactions({ policy }: { readonly policy: Span }) {
  const { ledger } = usePage();
  const spans = useLoaded(
    (signal) =>
      firstOf(ledger.timeline({ values: { related_to: [policy.id] } }, signal, REACTIONS), REACTIONS),
    [ledger, policy.id],
  );
  return html`<${LoadedPart} loaded=${spans} what="reactions">${(found: readonly Span[]) =>
    html`<${SpanList} spans=${found} label="Requests, errors and spans that name this policy" none="No request, error or span names this policy yet." />`}</${LoadedPart}>`;
}
