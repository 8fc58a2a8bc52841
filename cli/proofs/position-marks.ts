/** Bit set of log positions; 12 MiB for a hundred million. */
export class PositionMarks {
  #bits = new Uint8Array(1024);

  /** Marks a position. */
  add(position: number): void {
    const at = Math.floor(position / 8);
    if (at >= this.#bits.length) {
      const longer = new Uint8Array(Math.max(at + 1, this.#bits.length * 2));
      longer.set(this.#bits);
      this.#bits = longer;
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (position % 8));
  }

  /** Whether a position is marked. */
  has(position: number): boolean {
    return ((this.#bits[Math.floor(position / 8)] ?? 0) & (1 << (position % 8))) !== 0;
  }
}
