import { member, textOf } from './json';
import { Store } from './store';

const KEY = 'logline.token';

/** A token as its own text tells; the ledger alone decides what it is worth. */
export interface TokenClaims {
  readonly user: string;
  readonly tenant: string;
}

/** Whose token this tab speaks with. It lives in memory and in sessionStorage, which end with the tab. */
export class Session {
  /** Undefined sees public spans only. */
  readonly token: Store<string | undefined>;
  /** A token of a link that was followed while another one was in use; waits for an answer. */
  readonly offered = new Store<string | undefined>(undefined);
  /** Why a token is asked for; undefined when none is. */
  readonly asking = new Store<string | undefined>(undefined);

  constructor() {
    this.token = new Store(stored());
    this.takeFragment();
    window.addEventListener('hashchange', () => this.takeFragment());
  }

  /** Takes `#token=…` out of the address, at once, before anything else can see or keep it. */
  takeFragment(): void {
    const { hash, pathname, search } = window.location;
    if (!hash.startsWith('#token=')) return;
    history.replaceState(history.state, '', pathname + search);
    const token = decodeURIComponent(hash.slice('#token='.length)).trim();
    if (!isToken(token) || token === this.token.value) return;
    if (this.token.value === undefined) this.use(token);
    else this.offered.value = token;
  }

  use(token: string | undefined): void {
    keep(token);
    this.offered.value = undefined;
    this.asking.value = undefined;
    this.token.value = token;
  }

  ask(why: string): void {
    this.asking.value = why;
  }
}

/** Three parts of base64url: all that is asked before the ledger looks at it. */
export function isToken(text: string): boolean {
  return text.length <= 16_384 && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** Who a token says it is for, to be shown before it is used. */
export function claimsOf(token: string): TokenClaims | undefined {
  try {
    const part = token.split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
      character.charCodeAt(0),
    );
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const user = textOf(claims, 'sub');
    if (user === undefined) return undefined;
    const tenant = member(claims, 'tenant');
    return { user, tenant: typeof tenant === 'string' ? tenant : '?' };
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
