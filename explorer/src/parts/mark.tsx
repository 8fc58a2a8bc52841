import { type ComponentChildren, h } from 'preact';
import type { SpanCheck } from '../ledger/span-check';

type Outcome = SpanCheck['outcome'];

const SHAPES: Readonly<Record<Outcome, string>> = { known: '✓', other: '◆', fault: '✕', unchecked: '?' };

interface MarkProps {
  readonly outcome: Outcome;
  readonly title?: string;
  readonly children: ComponentChildren;
}

/** The outcome of a check by shape, colour and word, so that none of them alone carries it. */
export function Mark({ outcome, title, children }: MarkProps) {
  return (
    <span class={`check ${outcome}`} title={title}>
      <span aria-hidden="true">{SHAPES[outcome]}</span> {children}
    </span>
  );
}
