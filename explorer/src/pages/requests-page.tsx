import { Fragment, h } from 'preact';
import { numberOf, textOf } from '../json';
import { newestOf, useChecks } from '../ledger/checked-rows';
import type { Span } from '../ledger/ledger';
import { useLoaded } from '../loaded';
import { CheckBadge } from '../parts/check-badge';
import { isolated, Pill } from '../parts/isolated';
import { LoadedPart } from '../parts/listing';
import { Empty } from '../parts/notice';
import { Table } from '../parts/table';
import { Ago } from '../parts/time';
import { hrefOf, spanHref } from '../route';
import { usePage } from '../session';

/** Versions read; a request has about three. */
const READ_VERSIONS = 600;

/** Requests and their progress. */
export function RequestsPage() {
  const { ledger } = usePage();
  const requests = useLoaded(
    async (signal) => newestOf(await ledger.newest({ entity_type: ['request'] }, READ_VERSIONS, signal)),
    [ledger],
  );
  return (
    <>
      <h1>Requests</h1>
      <p class="hint">
        A request asks for one run of a function. Its versions tell what became of it.{' '}
        <button type="button" onClick={requests.reload}>
          Refresh
        </button>
      </p>
      <LoadedPart loaded={requests} what="requests">
        {(found) => <Requests spans={found} />}
      </LoadedPart>
    </>
  );
}

function Requests({ spans }: { readonly spans: readonly Span[] }) {
  const checks = useChecks(spans);
  if (spans.length === 0)
    return (
      <Empty title="No request yet.">
        <p>Run a function with “in the background”, give one a schedule, or let a policy ask for a run.</p>
      </Empty>
    );
  return (
    <Table
      label="Requests"
      heads={['status', 'check', 'function', 'asked by', 'last change', 'attempt', 'run']}
    >
      {spans.map((span, index) => {
        const run = textOf(span.metadata, 'execution_id');
        return (
          <tr>
            <td>
              <a href={spanHref(span.id, span.seq)}>
                <Pill text={span.status ?? 'none'} tone={TONES[span.status ?? '']} />
              </a>
            </td>
            <td>
              <CheckBadge check={checks[index]} />
            </td>
            <td class="mono">
              {span.parent_id ? <a href={hrefOf('functions', span.parent_id)}>{span.parent_id}</a> : '—'}
            </td>
            <td>{isolated(span.who, 60)}</td>
            <td>
              <Ago at={span.at} />
            </td>
            <td>{numberOf(span.metadata, 'attempt')}</td>
            <td>{run && <a href={spanHref(run)}>execution</a>}</td>
          </tr>
        );
      })}
    </Table>
  );
}

/** Status → tone of its pill. */
const TONES: Readonly<Record<string, string>> = { error: 'bad', complete: 'good' };
