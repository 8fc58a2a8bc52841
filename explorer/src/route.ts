import { numberOf } from './json';
import { Store } from './store';

export const HOME = '/explorer/';

/** Views, by the first path segment after `/explorer/`. */
export const VIEWS = ['', 'functions', 'requests', 'policies', 'status', 'spans'] as const;
export type View = (typeof VIEWS)[number];

/** The state of the page that its address holds. The token is never in the address. */
export interface Route {
  readonly view: View;
  /** Id of a span or a function. */
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

/** URL of a view. */
export function hrefOf(view: View, id?: string, search?: URLSearchParams): string {
  const path = [view, ...(id === undefined ? [] : [encodeURIComponent(id)])].join('/');
  const query = search?.toString() ?? '';
  return `${HOME}${path}${query === '' ? '' : `?${query}`}`;
}

/** URL of an entity, or of one of its versions. */
export function spanHref(id: string, seq?: number): string {
  return hrefOf('spans', id, seq === undefined ? undefined : new URLSearchParams({ seq: String(seq) }));
}

/** Navigates within the page. The scroll position is stored for {@link placeBefore}, unless the entry is replaced. */
export function go(href: string, { replace = false } = {}): void {
  if (!replace) history.replaceState({ y: scrollY }, '');
  history[replace ? 'replaceState' : 'pushState'](null, '', href);
  route.value = read();
}

/** Scroll position in px at which this history entry was left; 0 for a new one. */
export function placeBefore(): number {
  return numberOf(history.state, 'y') ?? 0;
}

/** Follows links within the page without reloading it; the browser follows all others. */
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
