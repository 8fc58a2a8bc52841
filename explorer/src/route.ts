import { numberOf } from './json';
import { Store } from './store';

export const HOME = '/explorer/';

/** The views, by the first part of the path behind `/explorer/`. */
export const VIEWS = ['', 'functions', 'requests', 'policies', 'status', 'spans'] as const;
export type View = (typeof VIEWS)[number];

/** Where the page stands; the whole of it is in the address, except the token, which never is. */
export interface Route {
  readonly view: View;
  /** Of a span or a function. */
  readonly id: string | undefined;
  readonly search: URLSearchParams;
}

export const route = new Store<Route>(read());

addEventListener('popstate', () => {
  route.value = read();
});

function read(): Route {
  const [view = '', id] = location.pathname.slice(HOME.length).split('/');
  const known = VIEWS.find((one) => one === view) ?? '';
  return {
    view: known,
    id: id === undefined || id === '' ? undefined : decode(id),
    search: new URLSearchParams(location.search),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An address of the page. */
export function hrefOf(view: View, id?: string, search?: URLSearchParams): string {
  const path = [view, ...(id === undefined ? [] : [encodeURIComponent(id)])].join('/');
  const query = search?.toString() ?? '';
  return `${HOME}${path}${query === '' ? '' : `?${query}`}`;
}

/** The address of an entity, or of one version of it. */
export function spanHref(id: string, seq?: number): string {
  return hrefOf('spans', id, seq === undefined ? undefined : new URLSearchParams({ seq: String(seq) }));
}

/** Goes somewhere within the page; what is left is found again by {@link placeBefore}. */
export function go(href: string, { replace = false } = {}): void {
  if (!replace) history.replaceState({ y: scrollY }, '');
  history[replace ? 'replaceState' : 'pushState'](null, '', href);
  route.value = read();
}

/** How far down its reader was when this address was left; 0 when it is new. */
export function placeBefore(): number {
  return numberOf(history.state, 'y') ?? 0;
}

/** Follows links within the page without loading it again; everything else is left to the browser. */
export function followLinks(root: HTMLElement): void {
  root.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.hasAttribute('download')) return;
    const url = new URL(link.href);
    if (url.hash !== '' || url.origin !== location.origin || !url.pathname.startsWith(HOME)) return;
    event.preventDefault();
    go(url.pathname + url.search);
    scrollTo(0, 0);
    document.getElementById('main')?.focus({ preventScroll: true });
  });
}
