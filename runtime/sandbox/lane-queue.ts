/** What the queue has to know of a waiting item. */
export interface Waiting {
  lane: string;
}

/** Lanes whose use is remembered; beyond that all begin again. */
const MAX_ACCOUNTS = 10_000;

/**
 * First in, first out within a lane. Between lanes the turn goes to the one that has used least, by what `charge` was
 * told, and round robin among equals: one tenant's backlog delays another tenant's first run by at most one turn, and
 * long runs cost turns (start-time fair queueing: Goyal, Vin, Cheng 1996).
 */
export class LaneQueue<T extends Waiting> {
  /** Lanes with waiting items, in the order of their next turn. */
  readonly #lanes = new Map<string, T[]>();
  readonly #maxItems: number;
  readonly #maxPerLane: number;
  /** What each lane has used; those that are not here stand where the last turn was given. */
  readonly #used = new Map<string, number>();
  #lastTurn = 0;
  #size = 0;

  constructor(maxItems: number, maxPerLane: number) {
    this.#maxItems = maxItems;
    this.#maxPerLane = maxPerLane;
  }

  get size(): number {
    return this.#size;
  }

  /** False when the queue or the item's lane is full. */
  push(item: T): boolean {
    const lane = this.#lanes.get(item.lane);
    if (this.#size >= this.#maxItems || (lane?.length ?? 0) >= this.#maxPerLane) return false;
    if (lane === undefined) this.#lanes.set(item.lane, [item]);
    else lane.push(item);
    this.#size++;
    return true;
  }

  /** Takes the next item whose lane `mayRun` admits, and sends that lane to the end of the round. */
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

  /** Says what a lane's turn took; its next one comes when the others have used as much. */
  charge(lane: string, amount: number): void {
    const used = this.#usedBy(lane) + amount;
    // Who has nothing to gain from being remembered is forgotten.
    for (const [other, its] of this.#used) if (its <= this.#lastTurn) this.#used.delete(other);
    if (this.#used.size >= MAX_ACCOUNTS) this.#used.clear();
    this.#used.set(lane, used);
  }

  /** A lane that paused has saved up nothing. */
  #usedBy(lane: string): number {
    return Math.max(this.#used.get(lane) ?? 0, this.#lastTurn);
  }

  /** Removes one item wherever it waits. False when it is not there. */
  remove(item: T): boolean {
    const items = this.#lanes.get(item.lane);
    const index = items?.indexOf(item) ?? -1;
    if (items === undefined || index < 0) return false;
    items.splice(index, 1);
    if (items.length === 0) this.#lanes.delete(item.lane);
    this.#size--;
    return true;
  }

  /** Empties the queue. */
  drain(): T[] {
    const items = [...this.#lanes.values()].flat();
    this.#lanes.clear();
    this.#size = 0;
    return items;
  }
}
