import { type ComponentChildren, h } from 'preact';
import type { SpanCheck } from '../ledger/span-check';

type Outcome = SpanCheck['outcome'];

const SHAPES: Readonly<Record<Outcome, string>> = { known: '✓', other: '◆', fault: '✕', unchecked: '?' };

interface MarkProps {
  readonly outcome: Outcome;
  readonly title?: string;
  readonly children: ComponentChildren;
}

/** An outcome of a check by shape, colour and word, so that no one of them has to be seen. */
export function Mark({ outcome, title, children }: MarkProps) {
  return (
    <span class={`check ${outcome}`} title={title}>
      <span aria-hidden="true">{SHAPES[outcome]}</span> {children}
    </span>
  );
}
