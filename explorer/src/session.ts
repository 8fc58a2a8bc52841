import { textOf } from './json';
import { Ledger, type Me } from './ledger/ledger';
import { Store, useStore } from './store';

const KEY = 'logline.token';

/** A token, and the ledger as that token sees it. */
export interface Page {
  readonly token: string | undefined;
  readonly ledger: Ledger;
  /** Undefined without a token, and until the ledger has answered. */
  readonly me: Me | undefined;
}

/** The token of this tab, kept in memory and in sessionStorage, both of which end with the tab. */
export class Session {
  readonly page: Store<Page>;
  /** Token of a link that was followed while another token was in use; the user has yet to accept it. */
  readonly offered = new Store<string | undefined>(undefined);
  /** Reason why the user is asked for a token; undefined when not asked. */
  readonly asking = new Store<string | undefined>(undefined);

  constructor() {
    this.page = new Store(this.#opened(stored()));
    this.takeFragment();
    addEventListener('hashchange', () => this.takeFragment());
  }

  /** Undefined without a token, when only public spans are visible. */
  get token(): string | undefined {
    return this.page.value.token;
  }

  /** Removes `#token=…` from the address before anything else can read or store it. */
  takeFragment(): void {
    const { hash, pathname, search } = location;
    if (!hash.startsWith('#token=')) return;
    history.replaceState(history.state, '', pathname + search);
    const token = decodeURIComponent(hash.slice('#token='.length)).trim();
    if (!isToken(token) || token === this.token) return;
    if (this.token === undefined) this.use(token);
    else this.offered.value = token;
  }

  use(token: string | undefined): void {
    keep(token);
    this.offered.value = undefined;
    this.asking.value = undefined;
    if (token !== this.token) this.page.value = this.#opened(token);
  }

  ask(why: string): void {
    this.asking.value = why;
  }

  /** Opens a page, whose `me` follows once the ledger has answered. */
  #opened(token: string | undefined): Page {
    const ledger = new Ledger(token, () =>
      this.ask(token === undefined ? 'This needs a token' : 'Your token is not valid any more'),
    );
    const tell = (me: Me | undefined): void => {
      if (this.page.value.ledger === ledger) this.page.value = { token, ledger, me };
    };
    // Without an answer of the ledger the token's own claims are shown.
    const claimed = (): void => tell(claimsOf(token));
    if (token !== undefined) ledger.me().then((found) => (found ? tell(found) : claimed()), claimed);
    return { token, ledger, me: undefined };
  }
}

export const session = new Session();

/** The current page; the component is rendered again when the token changes. */
export function usePage(): Page {
  return useStore(session.page);
}

/** Whether a text has the form of a JWT: three base64url parts. The ledger checks the rest. */
export function isToken(text: string): boolean {
  return text.length <= 16_384 && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** User and tenant that a token claims, unverified; undefined when it cannot be read. */
export function claimsOf(token = ''): Me | undefined {
  try {
    const part = token.split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
      character.charCodeAt(0),
    );
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const user = textOf(claims, 'sub');
    if (user === undefined) return undefined;
    return { user, tenant: textOf(claims, 'tenant') ?? '?', scopes: [], expiresAt: undefined };
  } catch {
    return undefined;
  }
}

function stored(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    // The browser refuses storage, so the token is kept in memory only.
    return undefined;
  }
}

function keep(token: string | undefined): void {
  try {
    if (token === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // The browser refuses storage, so the token is kept in memory only.
  }
}
