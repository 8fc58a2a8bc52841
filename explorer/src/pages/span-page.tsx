import { Fragment, h } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { differencesOf, MAX_DIFFERENCES } from '../diff';
import { type Filter, searchOf, type ValueFilter } from '../filter';
import { useChecks } from '../ledger/checked-rows';
import type { Ledger, Span } from '../ledger/ledger';
import { useLoaded } from '../loaded';
import { CheckBadge } from '../parts/check-badge';
import { Content, Json } from '../parts/content';
import { CopyButton } from '../parts/copy-button';
import { Fact } from '../parts/fact';
import { Inclusion } from '../parts/inclusion';
import { isolated, Pill } from '../parts/isolated';
import { LoadedPart, SpanList } from '../parts/listing';
import { Table } from '../parts/table';
import { Time } from '../parts/time';
import { Verdict } from '../parts/verdict';
import { hrefOf, type Route, spanHref } from '../route';
import { usePage } from '../session';
import { brief, durationText, visible } from '../text';

/** Versions read at first; more on demand. */
const VERSIONS = 50;
const CHAIN_SPANS = 50;

/** An entity: one version in full, its changes, and its related spans. */
export function SpanPage({ route }: { readonly route: Route }) {
  const { ledger } = usePage();
  const id = route.id ?? '';
  const [count, setCount] = useState(VERSIONS);
  const versions = useLoaded((signal) => ledger.versions(id, count, signal), [ledger, id, count]);
  return (
    <LoadedPart loaded={versions} what="this span" isPage>
      {(found) => (
        <Entity
          versions={found}
          seq={route.search.get('seq')}
          older={found.length >= count ? () => setCount(count * 4) : undefined}
        />
      )}
    </LoadedPart>
  );
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
  if (newest === undefined) return <h1>There is no such span, or this token may not see it</h1>;
  if (span === undefined)
    return (
      <>
        <h1>Version {visible(seq ?? '')} is not among those that were read</h1>
        {older && (
          <button type="button" onClick={older}>
            Read older versions
          </button>
        )}
        <a href={spanHref(newest.id)}>Show the newest</a>
      </>
    );
  const before = versions.find((one) => one.seq === span.seq - 1);
  return (
    <>
      <Heading span={span} newest={newest} />
      <Verdict check={checks[versions.indexOf(span)]} />
      <Follows span={span} before={before} />
      <Inclusion span={span} />
      <div class="columns">
        <div>
          <Facts span={span} />
        </div>
        <div>
          <Versions versions={versions} checks={checks} span={span} older={older} />
          <Changes span={span} before={before} />
        </div>
      </div>
      <Contents span={span} />
      <Chain span={span} />
    </>
  );
}

function Heading({ span, newest }: { readonly span: Span; readonly newest: Span }) {
  const permalink = (): string => new URL(spanHref(span.id, span.seq), location.href).href;
  return (
    <>
      <h1>
        {isolated(span.who, 80)} <span class="did">{isolated(span.did, 80)}</span> {isolated(span.this, 200)}
      </h1>
      <p class="controls">
        <Pill text={span.entity_type} />
        {span.status && <Pill text={span.status} />}
        {span.is_deleted && <Pill text="deleted" tone="bad" />}
        <span>
          version {span.seq}
          {span.seq < newest.seq ? ` of 0 to ${newest.seq}` : ', the newest'}
        </span>
        {span.seq < newest.seq && <a href={spanHref(span.id)}>Show the newest</a>}
        <CopyButton name="Copy link" text={permalink} />
        <CopyButton name="Copy JSON" text={() => JSON.stringify(span)} />
      </p>
    </>
  );
}

/** Whether the prev_hash of a version is the hash of the version before. */
function Follows({ span, before }: { readonly span: Span; readonly before: Span | undefined }) {
  if (span.seq === 0) return null;
  if (before === undefined) return <p class="hint">The version before is not among those that were read.</p>;
  return span.prev_hash === before.curr_hash ? (
    <p class="check known">✓ Follows version {before.seq}: its prev_hash is that version's hash.</p>
  ) : (
    <p class="check fault" role="alert">
      ✕ Does not follow version {before.seq}: its prev_hash is not that version's hash.
    </p>
  );
}

/** Members with a link to all spans of the same value. */
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

const SEALS = ['curr_hash', 'prev_hash', 'public_key', 'signature'] as const;

function Facts({ span }: { readonly span: Span }) {
  const { parent_id: parent, related_to: related = [] } = span;
  return (
    <>
      <h2>Members</h2>
      <dl class="facts">
        <Fact name="id" mono>
          {span.id}
        </Fact>
        <Fact name="at">
          <Time at={span.at} />
        </Fact>
        {FILTERS.map((name) => {
          const value = span[name];
          if (typeof value !== 'string') return null;
          const title = `All with this ${name}`;
          return (
            <Fact name={name}>
              {isolated(value, 400)}{' '}
              <a href={filterHref(name, value)} aria-label={title} title={title}>
                ⌕
              </a>
            </Fact>
          );
        })}
        <Fact name="this">{isolated(span.this, 2_000)}</Fact>
        <Fact name="description">{span.description && isolated(span.description, 2_000)}</Fact>
        <Fact name="duration">{span.duration_ms !== undefined && durationText(span.duration_ms)}</Fact>
        <Fact name="parent_id" mono>
          {parent && <a href={spanHref(parent)}>{parent}</a>}
        </Fact>
        <Fact name="related_to" mono>
          {related.length > 0 &&
            related.slice(0, 100).map((id) => (
              <div>
                <a href={spanHref(id)}>{id}</a>
              </div>
            ))}
        </Fact>
        {SEALS.map((name) => (
          <Fact name={name} mono>
            {span[name]}
          </Fact>
        ))}
      </dl>
    </>
  );
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
  return (
    <>
      <h2>Versions</h2>
      <Table label="Versions" heads={['version', 'check', 'time', 'status']}>
        {versions.map((one, index) => (
          <tr>
            <td>
              <a href={spanHref(one.id, one.seq)} aria-current={one === span}>
                {one.seq}
              </a>
            </td>
            <td>
              <CheckBadge check={checks[index]} />
            </td>
            <td>
              <Time at={one.at} />
            </td>
            <td>
              {isolated(one.status, 40)}
              {one.is_deleted && ' deleted'}
            </td>
          </tr>
        ))}
      </Table>
      {older && (
        <button type="button" onClick={older}>
          Older versions
        </button>
      )}
    </>
  );
}

function Changes({ span, before }: { readonly span: Span; readonly before: Span | undefined }) {
  const differences = useMemo(
    () => (before === undefined ? [] : differencesOf(before, span)),
    [span, before],
  );
  if (before === undefined) return null;
  return (
    <>
      <h2>What changed since version {before.seq}</h2>
      {differences.length === 0 ? (
        <p>Nothing but its seal.</p>
      ) : (
        <Table label="Changes" heads={['member', 'before', 'after']}>
          {differences.map(({ pointer, before: old, after }) => (
            <tr class="diff">
              <td>{brief(pointer, 200)}</td>
              <td class="old">{shown(old)}</td>
              <td class="new">{shown(after)}</td>
            </tr>
          ))}
        </Table>
      )}
      {differences.length >= MAX_DIFFERENCES && (
        <p class="hint">Only the first {MAX_DIFFERENCES} are shown.</p>
      )}
    </>
  );
}

function shown(value: unknown): string {
  return value === undefined ? '—' : brief(JSON.stringify(value), 300);
}

/** Members that may be large. */
function Contents({ span }: { readonly span: Span }) {
  return (
    <>
      {span.code && (
        <>
          <h2>code</h2>
          <Content text={span.code} label="code" />
        </>
      )}
      {(['input', 'output', 'error', 'metadata'] as const).map(
        (name) =>
          span[name] !== undefined && (
            <>
              <h2>{name}</h2>
              <Json value={span[name]} label={name} />
            </>
          ),
      )}
      <h2>JSON</h2>
      <details>
        <summary>The span as the ledger answers it; its hash covers all but curr_hash and signature</summary>
        <Json value={span} label="the whole span" />
      </details>
    </>
  );
}

/** Parent, children, references and trace of a span. */
function Chain({ span }: { readonly span: Span }) {
  const { ledger } = usePage();
  const chain = useLoaded(
    (signal) => chainOf(ledger, span, signal),
    [ledger, span.id, span.trace_id, span.parent_id],
  );
  return (
    <>
      <h2>Chain</h2>
      <LoadedPart loaded={chain} what="what it hangs together with">
        {(found) =>
          found.length === 0 ? (
            <p>Nothing names it, and it names no other span.</p>
          ) : (
            found.map(({ title, spans }) => (
              <>
                <h3>{title}</h3>
                <SpanList spans={spans} label={title} none="None." />
              </>
            ))
          )
        }
      </LoadedPart>
    </>
  );
}

interface Link {
  readonly title: string;
  readonly spans: readonly Span[];
}

async function chainOf(ledger: Ledger, span: Span, signal: AbortSignal): Promise<readonly Link[]> {
  const listed = async (
    title: string,
    name: ValueFilter,
    value: string | null | undefined,
  ): Promise<Link> => ({
    title,
    spans: value ? await ledger.newest({ [name]: [value] }, CHAIN_SPANS, signal) : [],
  });
  const parent = async (): Promise<Link> => ({
    title: 'Its parent',
    // A parent that cannot be read may be hidden from this token.
    spans: span.parent_id
      ? await ledger.span(span.parent_id).then(
          (one) => [one],
          () => [],
        )
      : [],
  });
  const links = await Promise.all([
    parent(),
    listed('Its children', 'parent_id', span.id),
    listed('Spans that name it in related_to', 'related_to', span.id),
    listed(`Trace ${brief(span.trace_id ?? '', 40)}`, 'trace_id', span.trace_id),
  ]);
  return links.filter(({ spans }) => spans.some(({ id }) => id !== span.id));
}
