import { type ComponentChildren, Fragment, h } from 'preact';

interface FactProps {
  readonly name: string;
  /** Whether the value is an id, a hash or a key. */
  readonly mono?: boolean;
  readonly children?: ComponentChildren;
}

/** An entry of `dl.facts`; nothing without children. */
export function Fact({ name, mono, children }: FactProps) {
  return children ? (
    <>
      <dt>{name}</dt>
      <dd class={mono ? 'mono' : undefined}>{children}</dd>
    </>
  ) : null;
}
