import { usePage } from '../context';
import { html } from '../html';
import { numberOf, textOf } from '../json';
import { newestOf, useChecks } from '../ledger/checked-rows';
import type { Span } from '../ledger/ledger';
import { firstOf, useLoaded } from '../loaded';
import { CheckBadge } from '../parts/check-badge';
import { LoadedPart } from '../parts/listing';
import { Empty } from '../parts/notice';
import { Ago } from '../parts/time';
import { hrefOf, spanHref } from '../route';
import { brief } from '../text';

/** Versions that are read; a request has about three. */
const READ_VERSIONS = 600;

/** Requests, each with how far it is. */
export function RequestsPage() {
  const { ledger } = usePage();
  const requests = useLoaded(
    async (signal) =>
      newestOf(
        await firstOf(
          ledger.timeline({ values: { entity_type: ['request'] } }, signal, READ_VERSIONS),
          READ_VERSIONS,
        ),
      ),
    [ledger],
  );
  return html`<h1>Requests</h1>
    <p class="hint">A request asks for one run of a function. Its versions tell what became of it. <button type="button" onClick=${requests.reload}>Refresh</button></p>
    <${LoadedPart} loaded=${requests} what="requests">${(found: readonly Span[]) => html`<${Requests} spans=${found} />`}</${LoadedPart}>`;
}

function Requests({ spans }: { readonly spans: readonly Span[] }) {
  const checks = useChecks(spans);
  if (spans.length === 0)
    return html`<${Empty} title="No request yet."><p>Run a function with “in the background”, give one a schedule, or let a policy ask for a run.</p></${Empty}>`;
  return html`<div class="table"><table aria-label="Requests"><thead><tr><th>status</th><th>check</th><th>function</th><th>asked by</th><th>last change</th><th class="number">attempt</th><th>run</th></tr></thead><tbody>
    ${spans.map(
      (span, index) => html`<tr>
      <td><a href=${spanHref(span.id, span.seq)}><span class=${`pill ${tone(span.status)}`}><bdi>${brief(span.status ?? 'none', 40)}</bdi></span></a></td>
      <td><${CheckBadge} check=${checks[index]} /></td>
      <td class="mono">${span.parent_id ? html`<a href=${hrefOf('functions', span.parent_id)}>${span.parent_id}</a>` : '—'}</td>
      <td><bdi>${brief(span.who, 60)}</bdi></td><td><${Ago} at=${span.at} /></td>
      <td class="number">${numberOf(span.metadata, 'attempt') ?? ''}</td>
      <td>${executionLink(textOf(span.metadata, 'execution_id'))}</td></tr>`,
    )}
  </tbody></table></div>`;
}

function executionLink(id: string | undefined) {
  return id === undefined ? null : html`<a href=${spanHref(id)}>execution</a>`;
}

/** How a status looks. */
export function tone(status: string | undefined): string {
  if (status === 'error') return 'bad';
  return status === 'complete' ? 'good' : '';
}
