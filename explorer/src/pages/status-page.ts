import { usePage } from '../context';
import { html } from '../html';
import { textOf } from '../json';
import type { KeyBook } from '../ledger/key-book';
import { readStatus, type TenantStatus } from '../ledger/tenant-status';
import { useLoaded } from '../loaded';
import { LoadedPart } from '../parts/listing';
import { Ago, Time } from '../parts/time';
import { hrefOf } from '../route';
import { counted } from '../text';

/** Health, quota, queue, jobs and keys. */
export function StatusPage() {
  const { ledger } = usePage();
  const health = useLoaded(() => ledger.answer({ path: '/api/health', retry: 'never' }), [ledger]);
  const status = useLoaded(async () => ({ status: await readStatus(ledger) }), [ledger]);
  const keys = useLoaded(() => ledger.keys(), [ledger]);
  return html`<h1>Status</h1>
    <button type="button" onClick=${() => [health, status, keys].map(({ reload }) => reload())}>Refresh</button>
    <h2>Health</h2>
    <${LoadedPart} loaded=${health} what="health">${({ body }: { body: unknown }) => html`<${Health} body=${body} />`}</${LoadedPart}>
    <${LoadedPart} loaded=${status} what="the tenant's status">${({
      status: found,
    }: {
      status: TenantStatus | undefined;
    }) =>
      found === undefined
        ? html`<h2>Tenant</h2><p>Quota, queue, schedules and jobs are shown to tokens with the scope <code>admin</code>.</p>`
        : html`<${Tenant} status=${found} />`}</${LoadedPart}>
    <h2>Keys</h2>
    <${LoadedPart} loaded=${keys} what="keys">${(book: KeyBook) => html`<${Keys} book=${book} />`}</${LoadedPart}>`;
}

function Health({ body }: { readonly body: unknown }) {
  const status = textOf(body, 'status') ?? 'unknown';
  return html`<p><span class=${`pill ${status === 'ok' ? 'good' : 'bad'}`}>${status}</span> ${
    status === 'ok' ? 'The database answers and has every migration of this program.' : JSON.stringify(body)
  }</p>`;
}

function Tenant({ status }: { readonly status: TenantStatus }) {
  const { quota, queue, jobs, schedules } = status;
  return html`<h2>Quota</h2>
    ${
      quota.limit === undefined
        ? html`<p>${counted(quota.used, 'run')} on ${quota.day} (UTC).</p>`
        : html`<label>${quota.used.toLocaleString('en')} of ${quota.limit.toLocaleString('en')} runs on ${quota.day} (UTC)
        <meter class="meter" min="0" max=${quota.limit} high=${quota.limit * 0.8} optimum="0" value=${quota.used}></meter></label>`
    }
    <h2>Queue</h2>
    <p>${counted(queue.waiting, 'request')} waiting, ${queue.running} running, ${queue.putOff} to be tried again.
      ${queue.oldestWaitingS === undefined ? '' : ` The oldest has been due for ${queue.oldestWaitingS} s.`}</p>
    <h2>Schedules</h2>
    ${
      schedules.length === 0
        ? html`<p>No function is scheduled.</p>`
        : html`<div class="table"><table aria-label="Schedules"><thead><tr><th>function</th><th>owner</th><th>looked at next</th></tr></thead><tbody>${schedules.map(
            ({ functionId, owner, dueAt }) =>
              html`<tr><td class="mono"><a href=${hrefOf('functions', functionId)}>${functionId}</a></td><td>${owner}</td><td><${Ago} at=${dueAt} /></td></tr>`,
          )}</tbody></table></div>`
    }
    <h2>Jobs</h2>
    <div class="table"><table aria-label="Jobs"><thead><tr><th>job</th><th>last run</th><th>result</th></tr></thead><tbody>${jobs.map(
      ({
        job,
        startedAt,
        result,
      }) => html`<tr><td>${job}</td><td>${startedAt === undefined ? 'never' : html`<${Ago} at=${startedAt} />`}</td>
        <td><span class=${`pill ${result === 'error' ? 'bad' : ''}`}>${result}</span></td></tr>`,
    )}</tbody></table></div>`;
}

function Keys({ book }: { readonly book: KeyBook }) {
  if (book.keys.length === 0)
    return html`<p>This ledger does not tell its keys, so every signature is shown as one of another key.</p>`;
  return html`<p>Origin <code>${book.origin ?? '?'}</code></p>
    <div class="table"><table aria-label="Keys"><thead><tr><th>key</th><th>signs</th><th>since</th><th>until</th></tr></thead><tbody>${book.keys.map(
      ({
        publicKey,
        purpose,
        since,
        until,
        revoked,
      }) => html`<tr><td class="mono">${publicKey}</td><td>${purpose}s</td>
        <td>${since === undefined ? '' : html`<${Time} at=${since} />`}</td>
        <td>${until === undefined ? 'in use' : html`<${Time} at=${until} />`} ${revoked ? html`<span class="pill bad">revoked</span>` : null}</td></tr>`,
    )}</tbody></table></div>`;
}
