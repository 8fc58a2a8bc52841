import { type ComponentChildren, Fragment, h } from 'preact';
import { useMemo } from 'preact/hooks';
import { useCheckedRows } from '../ledger/checked-rows';
import type { Span } from '../ledger/ledger';
import type { Loaded } from '../loaded';
import { Empty, Failure, Loading } from './notice';
import { SpanTable } from './span-table';

interface LoadedPartProps<T> {
  readonly loaded: Loaded<T>;
  /** Name of what is loaded, for users. */
  readonly what: string;
  /** Whether it is the whole page. */
  readonly isPage?: boolean;
  readonly children: (value: T) => ComponentChildren;
}

/** Renders what was loaded; until then, that it is loading, or why it failed. */
export function LoadedPart<T>({ loaded, what, isPage, children }: LoadedPartProps<T>) {
  const { value, error, reload } = loaded;
  if (value !== undefined) return <>{children(value)}</>;
  if (error !== undefined) return <Failure error={error} retry={reload} isPage={isPage} />;
  return <Loading what={what} />;
}

interface SpanListProps {
  readonly spans: readonly Span[];
  readonly label: string;
  /** Shown when there are none. */
  readonly none: string;
}

/** A table of spans with their checks. */
export function SpanList({ spans, label, none }: SpanListProps) {
  const rows = useCheckedRows(useMemo(() => spans, [spans]));
  return rows.length === 0 ? <Empty title={none} /> : <SpanTable rows={rows} label={label} />;
}
