import { useEffect, useMemo, useState } from 'preact/hooks';
import { PageContext } from './context';
import { html } from './html';
import { Ledger, type Me, reachable } from './ledger/ledger';
import { useLoaded } from './loaded';
import { TimelinePage } from './pages/timeline-page';
import { LoadedPart } from './parts/listing';
import { OfferedSession, TokenDialog } from './parts/session-dialog';
import { Ago } from './parts/time';
import { hrefOf, type Route, route, type View } from './route';
import { claimsOf, type Session } from './session';
import { useStore } from './store';
import { visible } from './text';

/** Views of the navigation, with what they are called. */
const NAVIGATION: readonly (readonly [View, string])[] = [
  ['', 'Timeline'],
  ['functions', 'Functions'],
  ['requests', 'Requests'],
  ['policies', 'Policies'],
  ['status', 'Status'],
];

/** The whole page. */
export function App({ session }: { readonly session: Session }) {
  const token = useStore(session.token);
  const here = useStore(route);
  const ledger = useMemo(
    () =>
      new Ledger(token, () =>
        session.ask(token === undefined ? 'This needs a token' : 'Your token is not valid any more'),
      ),
    [token],
  );
  const me = useMe(ledger, token);
  useTitle(here);
  return html`<${PageContext.Provider} value=${{ ledger, me }}>
    <a class="skip" href="#main">Skip to the content</a>
    <header class="top">
      <a class="brand" href=${hrefOf('')}>LogLine</a>
      <nav aria-label="Views">${NAVIGATION.map(
        ([view, name]) =>
          html`<a href=${hrefOf(view)} aria-current=${isCurrent(here, view) ? 'page' : undefined}>${name}</a>`,
      )}</nav>
      <${Who} session=${session} me=${me} token=${token} />
    </header>
    <${Outage} />
    <main id="main" tabindex="-1" key=${token ?? ''}><${Body} route=${here} /></main>
    <${TokenDialog} session=${session} />
    <${OfferedSession} session=${session} />
  </${PageContext.Provider}>`;
}

function isCurrent(here: Route, view: View): boolean {
  return here.view === view || (view === '' && here.view === 'spans');
}

function Body({ route: here }: { readonly route: Route }) {
  return here.view === '' ? html`<${TimelinePage} route=${here} />` : html`<${LaterView} route=${here} />`;
}

/** A view that is loaded when it is first shown. */
function LaterView({ route: here }: { readonly route: Route }) {
  const loaded = useLoaded(() => import('./pages/views'), []);
  return html`<${LoadedPart} loaded=${loaded} what="this view">${(views: typeof import('./pages/views')) => {
    switch (here.view) {
      case 'spans':
        return html`<${views.SpanPage} route=${here} />`;
      case 'functions':
        return html`<${views.FunctionsPage} route=${here} />`;
      case 'requests':
        return html`<${views.RequestsPage} />`;
      case 'policies':
        return html`<${views.PoliciesPage} />`;
      default:
        return html`<${views.StatusPage} />`;
    }
  }}</${LoadedPart}>`;
}

interface WhoProps {
  readonly session: Session;
  readonly me: Me | undefined;
  readonly token: string | undefined;
}

/** Whose eyes these are: what is missing may only be hidden from them. */
function Who({ session, me, token }: WhoProps) {
  const change = (): void => session.ask(token === undefined ? 'See more with a token' : 'Use another token');
  return html`<div class="who" role="group" aria-label="Session">
    ${
      token === undefined
        ? html`<span>You see <strong>public spans</strong> only</span>`
        : html`<span title=${me === undefined ? undefined : `scopes: ${me.scopes.join(' ')}`}>You see what <strong><bdi>${me === undefined ? '…' : visible(`${me.user}@${me.tenant}`)}</bdi></strong> sees${
            me?.expiresAt === undefined
              ? null
              : html`<span class="expires">, ends <${Ago} at=${me.expiresAt} /></span>`
          }</span>`
    }
    <button type="button" onClick=${change}>${token === undefined ? 'Use a token' : 'Change'}</button>
    ${token === undefined ? null : html`<button type="button" onClick=${() => session.use(undefined)}>Sign out</button>`}
  </div>`;
}

function Outage() {
  const isReachable = useStore(reachable);
  if (isReachable) return null;
  return html`<p class="outage" role="status">The ledger does not answer. What you see is what it said last; this page goes on by itself when it is back.</p>`;
}

/** Who the ledger says this is; what the token itself says while the ledger does not tell. */
function useMe(ledger: Ledger, token: string | undefined): Me | undefined {
  const [me, setMe] = useState<Me | undefined>(undefined);
  useEffect(() => {
    setMe(undefined);
    if (token === undefined) return undefined;
    let isCurrentLedger = true;
    const claims = claimsOf(token);
    const claimed = claims === undefined ? undefined : { ...claims, scopes: [], expiresAt: undefined };
    ledger.me().then(
      (found) => isCurrentLedger && setMe(found ?? claimed),
      () => isCurrentLedger && setMe(claimed),
    );
    return () => {
      isCurrentLedger = false;
    };
  }, [ledger, token]);
  return me;
}

function useTitle(here: Route): void {
  const [, name = here.view === 'spans' ? `Span ${here.id ?? ''}` : 'LogLine'] =
    NAVIGATION.find(([view]) => view === here.view) ?? [];
  useEffect(() => {
    document.title = `${name} · LogLine`;
  }, [name]);
}
