import type { Identity } from '../base/identity';
import type { PageBounds } from './page-bytes';
import type { TimelineFilter, TimelineOrder } from './timeline-filter';

/** After which row a page starts. `desc` and `asc` stay within the snapshot of their first page. */
export type TimelinePosition =
  | {
      readonly order: 'desc' | 'asc';
      readonly snapshot: string;
      readonly at: string;
      readonly id: string;
      readonly seq: number;
    }
  | { readonly order: 'feed'; readonly txId: string; readonly ordinal: string };

/** What page of what listing is asked for, and by whom. */
export interface TimelineRequest {
  readonly identity: Identity;
  readonly filter: TimelineFilter;
  /**
   * In place of `filter`, several that each may hold. They name the same members and no span fits two of them; each
   * adds one ordered range for each audience.
   */
  readonly anyOf?: readonly TimelineFilter[] | undefined;
  readonly order: TimelineOrder;
  readonly limit: number;
  readonly bounds?: PageBounds;
  readonly after: TimelinePosition | undefined;
  /** Read from a standby: a first page then shows what is certain to be there. Defaults to false. */
  readonly isReplica?: boolean;
}
