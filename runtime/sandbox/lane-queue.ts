/** What the queue has to know of a waiting item. */
export interface Waiting {
  lane: string;
}

/**
 * First in, first out within a lane, round robin between lanes, so that one tenant's backlog does not
 * delay another tenant's first run by more than one turn.
 */
export class LaneQueue<T extends Waiting> {
  /** Lanes with waiting items, in the order of their next turn. */
  readonly #lanes = new Map<string, T[]>();
  readonly #maxItems: number;
  readonly #maxPerLane: number;
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
    for (const [lane, items] of this.#lanes) {
      if (!mayRun(lane)) continue;
      const item = items.shift();
      this.#lanes.delete(lane);
      if (items.length > 0) this.#lanes.set(lane, items);
      if (item !== undefined) this.#size--;
      return item;
    }
    return undefined;
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
