import type { Identity } from '../base/identity';
import type { PageBounds } from './page-bytes';
import type { TimelineFilter, TimelineOrder } from './timeline-filter';

/** The row after which a page starts. `desc` and `asc` stay within the snapshot of their first page. */
export type TimelinePosition =
  | {
      readonly order: 'desc' | 'asc';
      readonly snapshot: string;
      readonly at: string;
      readonly id: string;
      readonly seq: number;
    }
  | { readonly order: 'feed'; readonly txId: string; readonly ordinal: string };

/** A request for one page of a listing. */
export interface TimelineRequest {
  readonly identity: Identity;
  readonly filter: TimelineFilter;
  /**
   * Alternatives to `filter`; a span must match one of them. All have the same members, and no span matches two. Each
   * adds one index range per audience.
   */
  readonly anyOf?: readonly TimelineFilter[] | undefined;
  readonly order: TimelineOrder;
  readonly limit: number;
  readonly bounds?: PageBounds;
  readonly after: TimelinePosition | undefined;
  /** Whether the page is read from a standby; a first page then has only spans certain to be replayed. Defaults to false. */
  readonly isReplica?: boolean;
}
