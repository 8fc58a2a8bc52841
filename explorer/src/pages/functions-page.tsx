import { Fragment, h } from 'preact';
import { useState } from 'preact/hooks';
import { textOf } from '../json';
import { newestOf, useChecks } from '../ledger/checked-rows';
import { type Ledger, LogLineError, type Span } from '../ledger/ledger';
import { readStatus } from '../ledger/tenant-status';
import { useLoaded } from '../loaded';
import { CheckBadge } from '../parts/check-badge';
import { Content, Json } from '../parts/content';
import { DurationPlot } from '../parts/duration-plot';
import { Fact } from '../parts/fact';
import { isolated } from '../parts/isolated';
import { LoadedPart, SpanList } from '../parts/listing';
import { Empty, Failure } from '../parts/notice';
import { Table } from '../parts/table';
import { Ago } from '../parts/time';
import { hrefOf, type Route, spanHref } from '../route';
import { usePage } from '../session';
import { counted } from '../text';

const READ_VERSIONS = 500;
const RUNS = 200;

/** All functions, or one of them. */
export function FunctionsPage({ route }: { readonly route: Route }) {
  return route.id === undefined ? <Functions /> : <FunctionPage id={route.id} />;
}

function Functions() {
  const { ledger } = usePage();
  const loaded = useLoaded(
    async (signal) => {
      const versions = await ledger.newest({ entity_type: ['function'] }, READ_VERSIONS, signal);
      return { functions: newestOf(versions), due: await dueTimes(ledger) };
    },
    [ledger],
  );
  return (
    <>
      <h1>Functions</h1>
      <LoadedPart loaded={loaded} what="functions">
        {(found) => <FunctionTable {...found} />}
      </LoadedPart>
    </>
  );
}

/** Function id → time at which its schedule is checked next; empty for a token without the scope `admin`. */
async function dueTimes(ledger: Ledger): Promise<ReadonlyMap<string, string>> {
  const status = await readStatus(ledger);
  return new Map(status?.schedules.map(({ functionId, dueAt }) => [functionId, dueAt]));
}

function FunctionTable({
  functions,
  due,
}: {
  readonly functions: readonly Span[];
  readonly due: ReadonlyMap<string, string>;
}) {
  const checks = useChecks(functions);
  if (functions.length === 0)
    return (
      <Empty title="No function yet.">
        <p>
          Append a span with entity_type “function” and <code>main(ctx, input)</code> in its code.
        </p>
      </Empty>
    );
  return (
    <Table label="Functions" heads={['name', 'check', 'owner', 'status', 'schedule', 'next due']}>
      {functions.map((fn, index) => (
        <tr>
          <td>
            <a href={hrefOf('functions', fn.id)}>{isolated(fn.name ?? fn.this, 100)}</a>
          </td>
          <td>
            <CheckBadge check={checks[index]} />
          </td>
          <td>{isolated(`${fn.owner_id}@${fn.tenant_id}`, 60)}</td>
          <td>{isolated(fn.status, 40)}</td>
          <td>{isolated(scheduleOf(fn))}</td>
          <td>
            <Ago at={due.get(fn.id)} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** Schedule and time zone of a function; empty when it has none. */
function scheduleOf({ metadata }: Span): string {
  return ['schedule', 'timezone'].flatMap((name) => textOf(metadata, name) ?? []).join(' ');
}

function FunctionPage({ id }: { readonly id: string }) {
  const { ledger } = usePage();
  const fn = useLoaded(() => ledger.span(id), [ledger, id]);
  const due = useLoaded(() => dueTimes(ledger), [ledger]);
  const runs = useLoaded(
    (signal) => ledger.newest({ entity_type: ['execution'], parent_id: [id] }, RUNS, signal),
    [ledger, id],
  );
  return (
    <LoadedPart loaded={fn} what="this function" isPage>
      {(found) => (
        <>
          <h1>{isolated(found.name ?? found.this, 200)}</h1>
          <div class="columns">
            <dl class="facts">
              <Fact name="span" mono>
                <a href={spanHref(found.id)}>{found.id}</a>, version {found.seq}
              </Fact>
              <Fact name="owner">{isolated(`${found.owner_id}@${found.tenant_id}`)}</Fact>
              <Fact name="status">{isolated(found.status ?? 'none', 40)}</Fact>
              <Fact name="schedule">
                {isolated(
                  scheduleOf(found) || 'none; set metadata.schedule to rate(…) or cron(…) in a new version',
                )}
              </Fact>
              {due.value?.has(id) && (
                <Fact name="next due">
                  <Ago at={due.value.get(id)} />
                </Fact>
              )}
            </dl>
            <div>
              <Run id={id} onDone={runs.reload} />
            </div>
          </div>
          <h2>Last runs</h2>
          <LoadedPart loaded={runs} what="runs">
            {(list) => <Runs runs={list} />}
          </LoadedPart>
          <h2>Code</h2>
          <Content text={found.code ?? ''} label="code" />
        </>
      )}
    </LoadedPart>
  );
}

function Runs({ runs }: { readonly runs: readonly Span[] }) {
  const good = runs.filter(({ status }) => status === 'complete').length;
  if (runs.length === 0) return <p>It has not run yet, or this token may not see its runs.</p>;
  return (
    <>
      <p>
        <strong>{Math.round((100 * good) / runs.length)}%</strong> of the last {counted(runs.length, 'run')}{' '}
        succeeded.
      </p>
      <DurationPlot runs={runs} />
      <SpanList spans={runs.slice(0, 50)} label="Last runs" none="None." />
    </>
  );
}

type Outcome = { readonly result?: unknown; readonly span?: Span; readonly error?: unknown };

/** Runs the function with an input, now or in the background. */
function Run({ id, onDone }: { readonly id: string; readonly onDone: () => void }) {
  const { ledger, me } = usePage();
  const [text, setText] = useState('{}');
  const [isBackground, setBackground] = useState(false);
  const [isRunning, setRunning] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | undefined>(undefined);
  const fault = jsonFault(text);
  if (me !== undefined && me.scopes.length > 0 && !me.scopes.includes('execute'))
    return (
      <p class="hint">
        To run it, use a token with the scope <code>execute</code>.
      </p>
    );
  const run = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (fault !== undefined || isRunning) return;
    setRunning(true);
    setOutcome(undefined);
    setOutcome(await outcomeOf(ledger, id, text, isBackground));
    setRunning(false);
    onDone();
  };
  return (
    <>
      <h2>Run</h2>
      <form onSubmit={run}>
        <label for="input">Input, as JSON</label>
        <textarea
          id="input"
          rows={4}
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          aria-invalid={fault !== undefined}
          aria-describedby="input-fault"
        ></textarea>
        <p id="input-fault" class="fault-text" role="status">
          {fault}
        </p>
        <p class="actions">
          <label>
            <input type="checkbox" checked={isBackground} onChange={() => setBackground(!isBackground)} /> in
            the background
          </label>
          <button type="submit" class="primary" disabled={fault !== undefined || isRunning}>
            {isRunning ? 'Running…' : 'Run'}
          </button>
        </p>
      </form>
      <div role="status">{outcome && <Shown outcome={outcome} />}</div>
    </>
  );
}

function Shown({ outcome }: { readonly outcome: Outcome }) {
  const { result, span, error } = outcome;
  if (error !== undefined) return <Failure error={error} />;
  return (
    <>
      {span && (
        <p>
          <a href={spanHref(span.id)}>{span.entity_type === 'request' ? 'The request' : 'The execution'}</a>{' '}
          is in the ledger.
        </p>
      )}
      {result !== undefined && <Json value={result} label="result" />}
    </>
  );
}

async function outcomeOf(ledger: Ledger, id: string, text: string, isBackground: boolean): Promise<Outcome> {
  const input: unknown = JSON.parse(text);
  try {
    if (isBackground) return { span: await ledger.request(id, input) };
    const { result, execution } = await ledger.execute(id, input);
    return { result, span: execution };
  } catch (error) {
    if (error instanceof LogLineError || error instanceof TypeError) return { error };
    throw error;
  }
}

function jsonFault(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return `This is no JSON: ${error instanceof Error ? error.message : error}`;
  }
}
