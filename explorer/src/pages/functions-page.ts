import { useState } from 'preact/hooks';
import { usePage } from '../context';
import { html } from '../html';
import { textOf } from '../json';
import { newestOf, useChecks } from '../ledger/checked-rows';
import { type Ledger, LogLineError, type Span } from '../ledger/ledger';
import { readStatus } from '../ledger/tenant-status';
import { firstOf, useLoaded } from '../loaded';
import { CheckBadge } from '../parts/check-badge';
import { Content, Json } from '../parts/content';
import { DurationPlot } from '../parts/duration-plot';
import { textIn } from '../parts/filter-bar';
import { LoadedPart, SpanList } from '../parts/listing';
import { Empty, Failure } from '../parts/notice';
import { Ago } from '../parts/time';
import { hrefOf, type Route, spanHref } from '../route';
import { brief } from '../text';

const READ_VERSIONS = 500;
const RUNS = 200;

/** Functions, or one of them. */
export function FunctionsPage({ route }: { readonly route: Route }) {
  return route.id === undefined ? html`<${Functions} />` : html`<${FunctionPage} id=${route.id} />`;
}

function Functions() {
  const { ledger } = usePage();
  const loaded = useLoaded(
    async (signal) => {
      const versions = await firstOf(
        ledger.timeline({ values: { entity_type: ['function'] } }, signal, READ_VERSIONS),
        READ_VERSIONS,
      );
      return { functions: newestOf(versions), due: await dueTimes(ledger) };
    },
    [ledger],
  );
  return html`<h1>Functions</h1>
    <${LoadedPart} loaded=${loaded} what="functions">${({ functions, due }: { functions: readonly Span[]; due: ReadonlyMap<string, string> }) => html`<${FunctionTable} functions=${functions} due=${due} />`}</${LoadedPart}>`;
}

/** Function → when it is looked at next; empty for a token that may not see it. */
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
    return html`<${Empty} title="No function yet."><p>Append a span with entity_type “function” and <code>main(ctx, input)</code> in its code.</p></${Empty}>`;
  return html`<div class="table"><table aria-label="Functions"><thead><tr><th>name</th><th>check</th><th>owner</th><th>status</th><th>schedule</th><th>next due</th></tr></thead><tbody>
    ${functions.map(
      (fn, index) => html`<tr>
      <td><a href=${hrefOf('functions', fn.id)}><bdi>${brief(fn.name ?? fn.this, 100)}</bdi></a></td>
      <td><${CheckBadge} check=${checks[index]} /></td>
      <td><bdi>${brief(`${fn.owner_id}@${fn.tenant_id}`, 60)}</bdi></td>
      <td><bdi>${brief(fn.status ?? '', 40)}</bdi></td>
      <td><bdi>${scheduleOf(fn) ?? ''}</bdi></td>
      <td>${due.has(fn.id) ? html`<${Ago} at=${due.get(fn.id) ?? ''} />` : ''}</td></tr>`,
    )}
  </tbody></table></div>`;
}

function scheduleOf(fn: Span): string | undefined {
  const schedule = textOf(fn.metadata, 'schedule');
  const timezone = textOf(fn.metadata, 'timezone');
  return schedule === undefined
    ? undefined
    : brief(timezone === undefined ? schedule : `${schedule} ${timezone}`, 100);
}

function FunctionPage({ id }: { readonly id: string }) {
  const { ledger } = usePage();
  const fn = useLoaded(() => ledger.span(id), [ledger, id]);
  const due = useLoaded(() => dueTimes(ledger), [ledger]);
  const runs = useLoaded(
    (signal) =>
      firstOf(
        ledger.timeline({ values: { entity_type: ['execution'], parent_id: [id] } }, signal, RUNS),
        RUNS,
      ),
    [ledger, id],
  );
  return html`<${LoadedPart} loaded=${fn} what="this function">${(found: Span) => html`
    <h1><bdi>${brief(found.name ?? found.this, 200)}</bdi></h1>
    <dl class="facts">
      <dt>span</dt><dd class="mono"><a href=${spanHref(found.id)}>${found.id}</a>, version ${found.seq}</dd>
      <dt>owner</dt><dd><bdi>${brief(`${found.owner_id}@${found.tenant_id}`, 100)}</bdi></dd>
      <dt>status</dt><dd><bdi>${brief(found.status ?? 'none', 40)}</bdi></dd>
      <dt>schedule</dt><dd><bdi>${scheduleOf(found) ?? 'none; set metadata.schedule to rate(…) or cron(…) in a new version'}</bdi></dd>
      ${due.value?.has(id) ? html`<dt>next due</dt><dd><${Ago} at=${due.value.get(id) ?? ''} /></dd>` : null}
    </dl>
    <${Run} id=${id} onDone=${runs.reload} />
    <h2>Last runs</h2>
    <${LoadedPart} loaded=${runs} what="runs">${(list: readonly Span[]) => html`<${Runs} runs=${list} />`}</${LoadedPart}>
    <h2>Code</h2><${Content} text=${found.code ?? ''} label="code" />`}</${LoadedPart}>`;
}

function Runs({ runs }: { readonly runs: readonly Span[] }) {
  const good = runs.filter(({ status }) => status === 'complete').length;
  if (runs.length === 0) return html`<p>It has not run yet, or this token may not see its runs.</p>`;
  return html`<p><strong>${Math.round((100 * good) / runs.length)}%</strong> of the last ${runs.length} ${runs.length === 1 ? 'run' : 'runs'} succeeded.</p>
    <${DurationPlot} runs=${runs} />
    <${SpanList} spans=${runs.slice(0, 50)} label="Last runs" none="None." />`;
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
    return html`<p class="hint">To run it, use a token with the scope <code>execute</code>.</p>`;
  const run = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (fault !== undefined || isRunning) return;
    setRunning(true);
    setOutcome(undefined);
    setOutcome(await outcomeOf(ledger, id, text, isBackground));
    setRunning(false);
    onDone();
  };
  return html`<h2>Run</h2><form onSubmit=${run}>
    <label for="input">Input, as JSON</label>
    <textarea id="input" rows="4" spellcheck=${false} value=${text} onInput=${(event: Event) => setText(textIn(event))}
      aria-invalid=${fault === undefined ? undefined : 'true'} aria-describedby="input-fault"></textarea>
    <p id="input-fault" class="fault-text" role="status">${fault ?? ''}</p>
    <p class="actions"><label><input type="checkbox" checked=${isBackground} onChange=${() => setBackground(!isBackground)} /> in the background</label>
      <button type="submit" class="primary" disabled=${fault !== undefined || isRunning}>${isRunning ? 'Running…' : 'Run'}</button></p>
  </form>
  <div role="status">${outcome === undefined ? null : html`<${Shown} outcome=${outcome} />`}</div>`;
}

function Shown({ outcome }: { readonly outcome: Outcome }) {
  const { result, span, error } = outcome;
  if (error !== undefined) return html`<${Failure} error=${error} />`;
  return html`<p>${span === undefined ? null : html`<a href=${spanHref(span.id)}>${span.entity_type === 'request' ? 'The request' : 'The execution'}</a> is in the ledger.`}</p>
    ${result === undefined ? null : html`<${Json} value=${result} label="result" />`}`;
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
