/** An item of the queue. */
export interface Waiting {
  lane: string;
}

/** Most lanes whose usage is remembered; above that all usage is reset. */
const MAX_ACCOUNTS = 10_000;

/**
 * A queue that is first in, first out within a lane. Between lanes, the next turn goes to the lane charged least, and
 * round-robin among equals (start-time fair queueing: Goyal, Vin and Cheng, 1996). So one tenant's backlog delays another
 * tenant's first run by at most one turn, and long runs cost their lane later turns.
 */
export class LaneQueue<T extends Waiting> {
  /** Lanes with waiting items; round-robin order among those with equal usage. */
  readonly #lanes = new Map<string, T[]>();
  readonly #maxItems: number;
  readonly #maxPerLane: number;
  /** Usage of each lane; lanes without an entry count as `#lastTurn`. */
  readonly #used = new Map<string, number>();
  #lastTurn = 0;
  #size = 0;

  constructor(maxItems: number, maxPerLane: number) {
    this.#maxItems = maxItems;
    this.#maxPerLane = maxPerLane;
  }

  /** Items that wait, over all lanes. */
  get size(): number {
    return this.#size;
  }

  /** Adds an item. @returns false when the queue or the item's lane is full */
  push(item: T): boolean {
    const lane = this.#lanes.get(item.lane);
    if (this.#size >= this.#maxItems || (lane?.length ?? 0) >= this.#maxPerLane) return false;
    if (lane === undefined) this.#lanes.set(item.lane, [item]);
    else lane.push(item);
    this.#size++;
    return true;
  }

  /** Removes and returns the next item of a lane that `mayRun` admits; undefined when there is none. */
  take(mayRun: (lane: string) => boolean): T | undefined {
    let next: { lane: string; items: T[]; used: number } | undefined;
    for (const [lane, items] of this.#lanes) {
      const used = this.#usedBy(lane);
      if ((next === undefined || used < next.used) && mayRun(lane)) next = { lane, items, used };
    }
    if (next === undefined) return undefined;
    const { lane, items, used } = next;
    const item = items.shift();
    this.#lanes.delete(lane);
    if (items.length > 0) this.#lanes.set(lane, items);
    this.#lastTurn = used;
    if (item !== undefined) this.#size--;
    return item;
  }

  /** Charges a lane for a turn; its next turn comes when the other lanes have used as much. */
  charge(lane: string, amount: number): void {
    const used = this.#usedBy(lane) + amount;
    // Entries up to the last turn equal the default.
    for (const [other, its] of this.#used) if (its <= this.#lastTurn) this.#used.delete(other);
    if (this.#used.size >= MAX_ACCOUNTS) this.#used.clear();
    this.#used.set(lane, used);
  }

  /** A lane's usage, at least that of the last turn: a lane that paused gains no credit. */
  #usedBy(lane: string): number {
    return Math.max(this.#used.get(lane) ?? 0, this.#lastTurn);
  }

  /** Removes one waiting item. @returns false when it is not in the queue */
  remove(item: T): boolean {
    const items = this.#lanes.get(item.lane);
    const index = items?.indexOf(item) ?? -1;
    if (items === undefined || index < 0) return false;
    items.splice(index, 1);
    if (items.length === 0) this.#lanes.delete(item.lane);
    this.#size--;
    return true;
  }

  /** Removes and returns all items. */
  drain(): T[] {
    const items = [...this.#lanes.values()].flat();
    this.#lanes.clear();
    this.#size = 0;
    return items;
  }
}
