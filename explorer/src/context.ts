import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Ledger, Me } from './ledger/ledger';

/** What every view may use. */
export interface Page {
  readonly ledger: Ledger;
  /** Undefined without a token, and until the ledger has told. */
  readonly me: Me | undefined;
}

export const PageContext = createContext<Page | undefined>(undefined);

/** @throws Error outside the page. */
export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === undefined) throw new Error('there is no page around this');
  return page;
}
