import { Fragment, h } from 'preact';
import { useEffect } from 'preact/hooks';
import { reachable } from './ledger/ledger';
import { FunctionsPage } from './pages/functions-page';
import { PoliciesPage } from './pages/policies-page';
import { RequestsPage } from './pages/requests-page';
import { SpanPage } from './pages/span-page';
import { StatusPage } from './pages/status-page';
import { TimelinePage } from './pages/timeline-page';
import { KeysHelp } from './parts/keys-dialog';
import { OfferedSession, TokenDialog } from './parts/session-dialog';
import { Ago } from './parts/time';
import { hrefOf, type Route, route, type View } from './route';
import { session, usePage } from './session';
import { useStore } from './store';
import { visible } from './text';

/** Views of the navigation, and their names. */
const NAVIGATION: readonly (readonly [View, string])[] = [
  ['', 'Timeline'],
  ['functions', 'Functions'],
  ['requests', 'Requests'],
  ['policies', 'Policies'],
  ['status', 'Status'],
];

export function App() {
  const { token } = usePage();
  const here = useStore(route);
  useTitle(here);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={hrefOf('')}>
          LogLine
        </a>
        <nav aria-label="Views">
          {NAVIGATION.map(([view, name]) => (
            <a href={hrefOf(view)} aria-current={isCurrent(here, view) ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <Who />
      </header>
      <Outage />
      <main id="main" tabindex={-1} key={token ?? ''}>
        <Body route={here} />
      </main>
      <TokenDialog />
      <OfferedSession />
    </>
  );
}

function isCurrent(here: Route, view: View): boolean {
  return here.view === view || (view === '' && here.view === 'spans');
}

function Body({ route: here }: { readonly route: Route }) {
  switch (here.view) {
    case '':
      return <TimelinePage route={here} />;
    case 'spans':
      return <SpanPage route={here} />;
    case 'functions':
      return <FunctionsPage route={here} />;
    case 'requests':
      return <RequestsPage />;
    case 'policies':
      return <PoliciesPage />;
    default:
      return <StatusPage />;
  }
}

/** The caller, because a span that is not shown may only be hidden from them. */
function Who() {
  const { token, me } = usePage();
  const change = (): void => session.ask(token === undefined ? 'See more with a token' : 'Use another token');
  return (
    <div class="who" role="group" aria-label="Session">
      {token === undefined ? (
        <span>
          You see <strong>public spans</strong> only
        </span>
      ) : (
        <span title={me && `scopes: ${me.scopes.join(' ')}`}>
          You see what{' '}
          <strong>
            <bdi>{me === undefined ? '…' : visible(`${me.user}@${me.tenant}`)}</bdi>
          </strong>{' '}
          sees
          {me?.expiresAt && (
            <>
              , ends <Ago at={me.expiresAt} />
            </>
          )}
        </span>
      )}
      <button type="button" onClick={change}>
        {token === undefined ? 'Use a token' : 'Change'}
      </button>
      {token && (
        <button type="button" onClick={() => session.use(undefined)}>
          Sign out
        </button>
      )}
      <KeysHelp />
    </div>
  );
}

function Outage() {
  const isReachable = useStore(reachable);
  if (isReachable) return null;
  return (
    <p class="outage" role="status">
      The ledger does not answer. What you see is what it said last; this page goes on by itself when it is
      back.
    </p>
  );
}

function useTitle(here: Route): void {
  const [, name = here.view === 'spans' ? `Span ${here.id ?? ''}` : 'LogLine'] =
    NAVIGATION.find(([view]) => view === here.view) ?? [];
  useEffect(() => {
    document.title = `${name} · LogLine`;
  }, [name]);
}
