/** One version of an entity. */
export interface SpanKey {
  readonly id: string;
  readonly seq: number;
}

/** The key as text, for maps and sets. */
export function keyOf({ id, seq }: SpanKey): string {
  return `${id}/${seq}`;
}

/** {@link keyOf} the version before. */
export function keyBefore({ id, seq }: SpanKey): string {
  return keyOf({ id, seq: seq - 1 });
}
