import { useMemo, useState } from 'preact/hooks';
import { usePage } from '../context';
import { differencesOf, MAX_DIFFERENCES } from '../diff';
import { type Filter, searchOf, type ValueFilter } from '../filter';
import { html } from '../html';
import { useChecks } from '../ledger/checked-rows';
import type { Ledger, Span } from '../ledger/ledger';
import { firstOf, useLoaded } from '../loaded';
import { CheckBadge } from '../parts/check-badge';
import { Content, Json } from '../parts/content';
import { CopyButton } from '../parts/copy-button';
import { Inclusion } from '../parts/inclusion';
import { LoadedPart, SpanList } from '../parts/listing';
import { Empty } from '../parts/notice';
import { Time } from '../parts/time';
import { Verdict } from '../parts/verdict';
import { hrefOf, type Route, spanHref } from '../route';
import { brief, durationText, visible } from '../text';

/** Versions that are read at once; more on demand. */
const VERSIONS = 50;
const CHAIN_SPANS = 50;

/** An entity: one version in full, what changed, and what it hangs together with. */
export function SpanPage({ route }: { readonly route: Route }) {
  const { ledger } = usePage();
  const id = route.id ?? '';
  const [count, setCount] = useState(VERSIONS);
  const versions = useLoaded((signal) => firstOf(ledger.versions(id, signal), count), [ledger, id, count]);
  return html`<${LoadedPart} loaded=${versions} what="this span">${(found: readonly Span[]) =>
    html`<${Entity} versions=${found} seq=${route.search.get('seq')} older=${found.length >= count ? () => setCount(count * 4) : undefined} />`}</${LoadedPart}>`;
}

interface EntityProps {
  /** Newest first. */
  readonly versions: readonly Span[];
  readonly seq: string | null;
  readonly older: (() => void) | undefined;
}

function Entity({ versions, seq, older }: EntityProps) {
  const [newest] = versions;
  const span = seq === null ? newest : versions.find((one) => String(one.seq) === seq);
  const checks = useChecks(versions);
  if (newest === undefined)
    return html`<${Empty} title="There is no such span, or this token may not see it." />`;
  if (span === undefined)
    return html`<${Empty} title=${`Version ${visible(seq ?? '')} is not among those that were read.`}>
      ${older === undefined ? null : html`<button type="button" onClick=${older}>Read older versions</button>`}
      <a href=${spanHref(newest.id)}>Show the newest</a></${Empty}>`;
  const before = versions.find((one) => one.seq === span.seq - 1);
  return html`<${Heading} span=${span} newest=${newest} />
    <${Verdict} check=${checks[versions.indexOf(span)]} />
    <${Follows} span=${span} before=${before} />
    <${Inclusion} span=${span} />
    <div class="columns">
      <div><${Facts} span=${span} /></div>
      <div><${Versions} versions=${versions} checks=${checks} span=${span} older=${older} />
        <${Changes} span=${span} before=${before} /></div>
    </div>
    <${Contents} span=${span} />
    <${Chain} span=${span} />`;
}

function Heading({ span, newest }: { readonly span: Span; readonly newest: Span }) {
  const permalink = (): string => new URL(spanHref(span.id, span.seq), window.location.href).href;
  return html`<h1><bdi>${brief(span.who, 80)}</bdi> <span class="did"><bdi>${brief(span.did ?? '', 80)}</bdi></span> <bdi>${brief(span.this, 200)}</bdi></h1>
    <p class="controls">
      <span class="pill"><bdi>${brief(span.entity_type, 60)}</bdi></span>
      ${span.status ? html`<span class="pill"><bdi>${brief(span.status, 40)}</bdi></span>` : null}
      ${span.is_deleted ? html`<span class="pill bad">deleted</span>` : null}
      <span>version ${span.seq} of ${newest.seq}</span>
      ${span.seq < newest.seq ? html`<a href=${spanHref(span.id)}>Show the newest</a>` : null}
      <${CopyButton} name="Copy link" text=${permalink} />
      <${CopyButton} name="Copy JSON" text=${() => JSON.stringify(span)} />
    </p>`;
}

/** Whether the version hangs on the one before it. */
function Follows({ span, before }: { readonly span: Span; readonly before: Span | undefined }) {
  if (span.seq === 0) return null;
  if (before === undefined)
    return html`<p class="hint">The version before is not among those that were read.</p>`;
  return span.prev_hash === before.curr_hash
    ? html`<p class="check known">✓ Follows version ${before.seq}: its prev_hash is that version's hash.</p>`
    : html`<p class="check fault" role="alert">✕ Does not follow version ${before.seq}: its prev_hash is not that version's hash.</p>`;
}

/** Members that lead to all spans that share them. */
const FILTERS = [
  'entity_type',
  'who',
  'did',
  'status',
  'name',
  'trace_id',
  'owner_id',
  'tenant_id',
  'visibility',
] as const;

function Facts({ span }: { readonly span: Span }) {
  return html`<h2>Members</h2><dl class="facts">
    <dt>id</dt><dd class="mono">${span.id}</dd>
    <dt>at</dt><dd><${Time} at=${span.at} /></dd>
    ${FILTERS.map((name) => {
      const value = span[name];
      return typeof value !== 'string'
        ? null
        : html`<dt>${name}</dt><dd><bdi>${brief(value, 400)}</bdi> <a href=${filterHref(name, value)} aria-label=${`All with this ${name}`} title=${`All with this ${name}`}>⌕</a></dd>`;
    })}
    <dt>this</dt><dd><bdi>${brief(span.this, 2_000)}</bdi></dd>
    ${span.description ? html`<dt>description</dt><dd><bdi>${brief(span.description, 2_000)}</bdi></dd>` : null}
    ${span.duration_ms === undefined ? null : html`<dt>duration</dt><dd>${durationText(span.duration_ms)}</dd>`}
    ${span.parent_id ? html`<dt>parent_id</dt><dd class="mono"><a href=${spanHref(span.parent_id)}>${span.parent_id}</a></dd>` : null}
    ${span.related_to?.length ? html`<dt>related_to</dt><dd class="mono">${span.related_to.slice(0, 100).map((id) => html`<a href=${spanHref(id)}>${id}</a><br />`)}</dd>` : null}
    <dt>curr_hash</dt><dd class="mono">${span.curr_hash}</dd>
    ${span.prev_hash ? html`<dt>prev_hash</dt><dd class="mono">${span.prev_hash}</dd>` : null}
    <dt>public_key</dt><dd class="mono">${span.public_key}</dd>
    <dt>signature</dt><dd class="mono">${span.signature}</dd>
  </dl>`;
}

function filterHref(name: ValueFilter, value: string): string {
  const filter: Filter = { values: { [name]: [value] } };
  return hrefOf('', undefined, searchOf(filter));
}

interface VersionsProps {
  readonly versions: readonly Span[];
  readonly checks: ReturnType<typeof useChecks>;
  readonly span: Span;
  readonly older: (() => void) | undefined;
}

function Versions({ versions, checks, span, older }: VersionsProps) {
  return html`<h2>Versions</h2><div class="table"><table aria-label="Versions"><thead><tr><th>version</th><th>check</th><th>time</th><th>status</th></tr></thead><tbody>
    ${versions.map(
      (
        one,
        index,
      ) => html`<tr><td><a href=${spanHref(one.id, one.seq)} aria-current=${one === span ? 'true' : undefined}>${one === span ? html`<strong>${one.seq}</strong>` : one.seq}</a></td>
        <td><${CheckBadge} check=${checks[index]} /></td><td><${Time} at=${one.at} /></td><td><bdi>${brief(one.status ?? '', 40)}</bdi>${one.is_deleted ? ' deleted' : ''}</td></tr>`,
    )}</tbody></table></div>
    ${older === undefined ? null : html`<button type="button" onClick=${older}>Older versions</button>`}`;
}

function Changes({ span, before }: { readonly span: Span; readonly before: Span | undefined }) {
  const differences = useMemo(
    () => (before === undefined ? [] : differencesOf(before, span)),
    [span, before],
  );
  if (before === undefined) return null;
  return html`<h2>What changed since version ${before.seq}</h2>
    ${
      differences.length === 0
        ? html`<p>Nothing but its seal.</p>`
        : html`<div class="table"><table class="diff" aria-label="Changes"><thead><tr><th>member</th><th>before</th><th>after</th></tr></thead><tbody>
      ${differences.map(({ pointer, before: old, after }) => html`<tr><td>${brief(pointer, 200)}</td><td class="old">${shown(old)}</td><td class="new">${shown(after)}</td></tr>`)}
    </tbody></table></div>`
    }
    ${differences.length >= MAX_DIFFERENCES ? html`<p class="hint">Only the first ${MAX_DIFFERENCES} are shown.</p>` : null}`;
}

function shown(value: unknown): string {
  return value === undefined ? '—' : brief(JSON.stringify(value), 300);
}

/** Members of any size, each in full. */
function Contents({ span }: { readonly span: Span }) {
  return html`${span.code ? html`<h2>code</h2><${Content} text=${span.code} label="code" />` : null}
    ${(['input', 'output', 'error', 'metadata'] as const).map((name) =>
      span[name] === undefined ? null : html`<h2>${name}</h2><${Json} value=${span[name]} label=${name} />`,
    )}
    <h2>JSON</h2><details><summary>The span as the ledger answers it; its hash covers all but curr_hash and signature</summary><${Json} value=${span} label="the whole span" /></details>`;
}

/** What it hangs together with. */
function Chain({ span }: { readonly span: Span }) {
  const { ledger } = usePage();
  const chain = useLoaded(
    (signal) => chainOf(ledger, span, signal),
    [ledger, span.id, span.trace_id, span.parent_id],
  );
  return html`<h2>Chain</h2><${LoadedPart} loaded=${chain} what="what it hangs together with">${(
    found: Awaited<ReturnType<typeof chainOf>>,
  ) =>
    found.length === 0
      ? html`<p>Nothing names it, and it names no other span.</p>`
      : found.map(
          ({ title, spans }) =>
            html`<h3>${title}</h3><${SpanList} spans=${spans} label=${title} none="None." />`,
        )}</${LoadedPart}>`;
}

interface Link {
  readonly title: string;
  readonly spans: readonly Span[];
}

async function chainOf(ledger: Ledger, span: Span, signal: AbortSignal): Promise<readonly Link[]> {
  const list = (name: ValueFilter, value: string): Promise<readonly Span[]> =>
    firstOf(ledger.timeline({ values: { [name]: [value] } }, signal, CHAIN_SPANS), CHAIN_SPANS);
  const one = async (id: string): Promise<readonly Span[]> => {
    try {
      return [await ledger.span(id)];
    } catch {
      // It may be hidden from this token.
      return [];
    }
  };
  const links: Link[] = await Promise.all([
    span.parent_id
      ? one(span.parent_id).then((spans) => ({ title: 'Its parent', spans }))
      : { title: '', spans: [] },
    list('parent_id', span.id).then((spans) => ({ title: 'Its children', spans })),
    list('related_to', span.id).then((spans) => ({ title: 'Spans that name it in related_to', spans })),
    span.trace_id
      ? list('trace_id', span.trace_id).then((spans) => ({
          title: `Trace ${brief(span.trace_id ?? '', 40)}`,
          spans,
        }))
      : { title: '', spans: [] },
  ]);
  return links.filter(({ spans }) => spans.some(({ id }) => id !== span.id));
}
