import { type ComponentChildren, Fragment, h } from 'preact';

interface FactProps {
  readonly name: string;
  /** It is an id, a hash or a key. */
  readonly mono?: boolean;
  readonly children?: ComponentChildren;
}

/** One entry of `dl.facts`; none when there is nothing to say. */
export function Fact({ name, mono, children }: FactProps) {
  return children ? (
    <>
      <dt>{name}</dt>
      <dd class={mono ? 'mono' : undefined}>{children}</dd>
    </>
  ) : null;
}
