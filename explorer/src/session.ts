import { textOf } from './json';
import { Ledger, type Me } from './ledger/ledger';
import { Store, useStore } from './store';

const KEY = 'logline.token';

/** The ledger as one token sees it. */
export interface Page {
  readonly token: string | undefined;
  readonly ledger: Ledger;
  /** Undefined without a token, and until it is known. */
  readonly me: Me | undefined;
}

/** Whose token this tab speaks with. It lives in memory and in sessionStorage, which end with the tab. */
export class Session {
  readonly page: Store<Page>;
  /** A token of a link that was followed while another one was in use; waits for an answer. */
  readonly offered = new Store<string | undefined>(undefined);
  /** Why a token is asked for; undefined when none is. */
  readonly asking = new Store<string | undefined>(undefined);

  constructor() {
    this.page = new Store(this.#opened(stored()));
    this.takeFragment();
    addEventListener('hashchange', () => this.takeFragment());
  }

  /** Undefined sees public spans only. */
  get token(): string | undefined {
    return this.page.value.token;
  }

  /** Takes `#token=…` out of the address, at once, before anything else can see or keep it. */
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

  /** The ledger as a token sees it. Who that is, it says in a moment. */
  #opened(token: string | undefined): Page {
    const ledger = new Ledger(token, () =>
      this.ask(token === undefined ? 'This needs a token' : 'Your token is not valid any more'),
    );
    const tell = (me: Me | undefined): void => {
      if (this.page.value.ledger === ledger) this.page.value = { token, ledger, me };
    };
    // While the ledger does not say it, the token does.
    const claimed = (): void => tell(claimsOf(token));
    if (token !== undefined) ledger.me().then((found) => (found ? tell(found) : claimed()), claimed);
    return { token, ledger, me: undefined };
  }
}

export const session = new Session();

/** What every view may use. */
export function usePage(): Page {
  return useStore(session.page);
}

/** Three parts of base64url: all that is asked before the ledger looks at it. */
export function isToken(text: string): boolean {
  return text.length <= 16_384 && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** Who a token says it is for; the ledger alone decides what it is worth. */
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
    // A browser may refuse storage; the token then lives in memory alone.
    return undefined;
  }
}

function keep(token: string | undefined): void {
  try {
    if (token === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // As above.
  }
}
