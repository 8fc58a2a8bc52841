import { Fragment, h } from 'preact';
import { textOf } from '../json';
import type { KeyBook } from '../ledger/key-book';
import { readStatus, type TenantStatus } from '../ledger/tenant-status';
import { useLoaded } from '../loaded';
import { isolated, Pill } from '../parts/isolated';
import { LoadedPart } from '../parts/listing';
import { Table } from '../parts/table';
import { Ago, Time } from '../parts/time';
import { hrefOf } from '../route';
import { usePage } from '../session';
import { counted } from '../text';

/** Health, quota, queue, jobs and keys. */
export function StatusPage() {
  const { ledger } = usePage();
  const health = useLoaded(() => ledger.answer({ path: '/api/health', retry: 'never' }), [ledger]);
  const status = useLoaded(async () => ({ status: await readStatus(ledger) }), [ledger]);
  const keys = useLoaded(() => ledger.keys(), [ledger]);
  return (
    <>
      <h1>Status</h1>
      <button type="button" onClick={() => [health, status, keys].map(({ reload }) => reload())}>
        Refresh
      </button>
      <h2>Health</h2>
      <LoadedPart loaded={health} what="health">
        {({ body }) => <Health body={body} />}
      </LoadedPart>
      <LoadedPart loaded={status} what="the tenant's status">
        {({ status: found }) =>
          found === undefined ? (
            <>
              <h2>Tenant</h2>
              <p>
                Quota, queue, schedules and jobs are shown to tokens with the scope <code>admin</code>.
              </p>
            </>
          ) : (
            <Tenant status={found} />
          )
        }
      </LoadedPart>
      <h2>Keys</h2>
      <LoadedPart loaded={keys} what="keys">
        {(book) => <Keys book={book} />}
      </LoadedPart>
    </>
  );
}

function Health({ body }: { readonly body: unknown }) {
  const status = textOf(body, 'status') ?? 'unknown';
  return (
    <p>
      <Pill text={status} tone={status === 'ok' ? 'good' : 'bad'} />{' '}
      {status === 'ok'
        ? 'The database answers and has every migration of this program.'
        : JSON.stringify(body)}
    </p>
  );
}

function Tenant({ status }: { readonly status: TenantStatus }) {
  const { quota, queue, jobs, schedules } = status;
  return (
    <>
      <h2>Quota</h2>
      {quota.limit === undefined ? (
        <p>
          {counted(quota.used, 'run')} on {quota.day} (UTC).
        </p>
      ) : (
        <label>
          {quota.used.toLocaleString('en')} of {quota.limit.toLocaleString('en')} runs on {quota.day} (UTC)
          <meter
            class="meter"
            min={0}
            max={quota.limit}
            high={quota.limit * 0.8}
            optimum={0}
            value={quota.used}
          ></meter>
        </label>
      )}
      <h2>Queue</h2>
      <p>
        {counted(queue.waiting, 'request')} waiting, {queue.running} running, {queue.putOff} to be tried
        again.
        {queue.oldestWaitingS !== undefined && ` The oldest has been due for ${queue.oldestWaitingS} s.`}
      </p>
      <h2>Schedules</h2>
      {schedules.length === 0 ? (
        <p>No function is scheduled.</p>
      ) : (
        <Table label="Schedules" heads={['function', 'owner', 'looked at next']}>
          {schedules.map(({ functionId, owner, dueAt }) => (
            <tr>
              <td class="mono">
                <a href={hrefOf('functions', functionId)}>{functionId}</a>
              </td>
              <td>{isolated(owner)}</td>
              <td>
                <Ago at={dueAt} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      <h2>Jobs</h2>
      <Table label="Jobs" heads={['job', 'last run', 'result']}>
        {jobs.map(({ job, startedAt, result }) => (
          <tr>
            <td>{job}</td>
            <td>{startedAt === undefined ? 'never' : <Ago at={startedAt} />}</td>
            <td>
              <Pill text={result} tone={result === 'error' ? 'bad' : ''} />
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

function Keys({ book }: { readonly book: KeyBook }) {
  if (book.keys.length === 0)
    return <p>This ledger does not tell its keys, so every signature is shown as one of another key.</p>;
  return (
    <>
      <p>
        Origin <code>{book.origin ?? '?'}</code>
      </p>
      <Table label="Keys" heads={['key', 'signs', 'since', 'until']}>
        {book.keys.map(({ publicKey, purpose, since, until, revoked }) => (
          <tr>
            <td class="mono">{publicKey}</td>
            <td>{purpose}s</td>
            <td>
              <Time at={since} />
            </td>
            <td>
              {until === undefined ? 'in use' : <Time at={until} />}{' '}
              {revoked && <Pill text="revoked" tone="bad" />}
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}
