/** The primary key of a span: one version of an entity. */
export interface SpanKey {
  readonly id: string;
  readonly seq: number;
}

/** The key as a string, for maps and sets. */
export function keyOf({ id, seq }: SpanKey): string {
  return `${id}/${seq}`;
}

/** {@link keyOf} of the previous version. */
export function keyBefore({ id, seq }: SpanKey): string {
  return keyOf({ id, seq: seq - 1 });
}
