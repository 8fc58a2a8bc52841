import { Fragment, h } from 'preact';
import { useState } from 'preact/hooks';
import { newestOf } from '../ledger/checked-rows';
import type { Span } from '../ledger/ledger';
import { type PolicyLag, readStatus } from '../ledger/tenant-status';
import { useLoaded } from '../loaded';
import { Content } from '../parts/content';
import { Fact } from '../parts/fact';
import { isolated, Pill } from '../parts/isolated';
import { LoadedPart, SpanList } from '../parts/listing';
import { Empty } from '../parts/notice';
import { Ago } from '../parts/time';
import { spanHref } from '../route';
import { usePage } from '../session';
import { brief, counted } from '../text';

const READ_VERSIONS = 500;
const REACTIONS = 50;

/** Policies with their lag, reactions and errors. */
export function PoliciesPage() {
  const { ledger } = usePage();
  const loaded = useLoaded(
    async (signal) => {
      const [versions, status] = await Promise.all([
        ledger.newest({ entity_type: ['policy'] }, READ_VERSIONS, signal),
        readStatus(ledger),
      ]);
      return { policies: newestOf(versions), lags: status?.policies };
    },
    [ledger],
  );
  return (
    <>
      <h1>Policies</h1>
      <p class="hint">
        A policy is shown every later span that its owner may read, once, and answers with actions.{' '}
        <button type="button" onClick={loaded.reload}>
          Refresh
        </button>
      </p>
      <LoadedPart loaded={loaded} what="policies">
        {({ policies, lags }) =>
          policies.length === 0 ? (
            <Empty title="No policy yet.">
              <p>
                Append a span with entity_type “policy”, status “active” and a function <code>on(span)</code>{' '}
                in its code.
              </p>
            </Empty>
          ) : (
            <>
              {lags === undefined && (
                <p>
                  How far each policy has read is shown to tokens with the scope <code>admin</code>.
                </p>
              )}
              {policies.map((policy) => (
                <Policy
                  key={policy.id}
                  policy={policy}
                  lag={lags?.find(({ policyId }) => policyId === policy.id)}
                />
              ))}
            </>
          )
        }
      </LoadedPart>
    </>
  );
}

function Policy({ policy, lag }: { readonly policy: Span; readonly lag: PolicyLag | undefined }) {
  const [isOpen, setOpen] = useState(false);
  const name = brief(policy.name ?? policy.this, 100);
  return (
    <section class="panel" aria-label={name}>
      <h2>
        <a href={spanHref(policy.id)}>
          <bdi>{name}</bdi>
        </a>{' '}
        <Pill text={policy.status ?? 'no status'} tone={policy.status === 'active' ? 'good' : ''} />
      </h2>
      <dl class="facts">
        <Fact name="owner">{isolated(`${policy.owner_id}@${policy.tenant_id}`)}</Fact>
        {lag && (
          <>
            <Fact name="cursor">
              {lag.behind === 0 ? 'has seen every span' : `${counted(lag.behind, 'span')} behind`}
            </Fact>
            <Fact name="last error">
              {lag.lastError === undefined ? (
                'none'
              ) : (
                <>
                  <a href={spanHref(lag.lastError.spanId)}>{lag.lastError.code}</a>,{' '}
                  <Ago at={lag.lastError.at} />
                </>
              )}
            </Fact>
          </>
        )}
      </dl>
      <details onToggle={() => setOpen(true)}>
        <summary>Code, reactions and errors</summary>
        {isOpen && (
          <>
            <Content text={policy.code ?? ''} label={`code of ${name}`} />
            <Reactions policy={policy} />
          </>
        )}
      </details>
    </section>
  );
}

function Reactions({ policy }: { readonly policy: Span }) {
  const { ledger } = usePage();
  const spans = useLoaded(
    (signal) => ledger.newest({ related_to: [policy.id] }, REACTIONS, signal),
    [ledger, policy.id],
  );
  return (
    <LoadedPart loaded={spans} what="reactions">
      {(found) => (
        <SpanList
          spans={found}
          label="Requests, errors and spans that name this policy"
          none="No request, error or span names this policy yet."
        />
      )}
    </LoadedPart>
  );
}
