import { styleText } from 'node:util';
import type { EngineEvent } from '@pulumi/pulumi/automation';
import { progressLine } from '../progress-line';

/** Pulumi's operations that change a resource, with mark and verbs. */
const VERBS: Readonly<Record<string, readonly [mark: string, doing: string, done: string]>> = {
  create: ['+', 'creating', 'created'],
  'create-replacement': ['+', 'replacing', 'replaced'],
  update: ['~', 'updating', 'updated'],
  replace: ['±', 'replacing', 'replaced'],
  delete: ['-', 'deleting', 'deleted'],
  'delete-replaced': ['-', 'deleting the old', 'deleted the old'],
};
/** Operations that count; a replacement emits further events for the same resource. */
const COUNTED = new Set(['create', 'update', 'create-replacement', 'delete']);
const TICK_MS = 1000;
const MAX_FAULTS = 20;

/** Minutes and seconds since the start: ` 4:07`. */
export function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** `urn:pulumi:dev::logline::parent$aws:rds/instance:Instance::database` → `rds/instance database`. */
export function shortName(urn: string): string {
  const [, , types = '', ...name] = urn.split('::');
  const type = types.split('$').at(-1) ?? types;
  return `${type.replace(/^aws:/, '').replace(/:\w+$/, '')} ${name.join('::')}`;
}

/**
 * Prints the progress of a Pulumi operation: a line with the elapsed time for each changed resource, and on a terminal
 * the resources in progress.
 */
export class OperationProgress {
  /** Number of changed resources by operation. */
  readonly counts = new Map<string, number>();
  /** Error messages without colours and duplicates. */
  readonly faults: string[] = [];

  readonly #isPreview: boolean;
  readonly #startedAtMs = Date.now();
  readonly #underWay = new Map<string, { readonly text: string; readonly sinceMs: number }>();
  readonly #line = progressLine();
  readonly #timer = setInterval(() => this.#draw(), TICK_MS);

  constructor(isPreview: boolean) {
    this.#isPreview = isPreview;
    this.#timer.unref();
  }

  /** Milliseconds since the start. */
  get elapsedMs(): number {
    return Date.now() - this.#startedAtMs;
  }

  /** Handler for the Automation API's `onEvent`. */
  readonly take = (event: EngineEvent): void => {
    const { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } = event;
    if (resourcePreEvent !== undefined) this.#begin(resourcePreEvent.metadata);
    if (resOutputsEvent !== undefined) this.#end(resOutputsEvent.metadata);
    if (resOpFailedEvent !== undefined) this.#fail(resOpFailedEvent.metadata);
    if (diagnosticEvent !== undefined && !diagnosticEvent.ephemeral) {
      this.#hear(diagnosticEvent.severity, diagnosticEvent.message, diagnosticEvent.urn);
    }
  };

  /** Summary such as `12 to create, 1 to update`; empty without changes. */
  summary(): string {
    return [...this.counts]
      .map(([op, count]) => {
        const verb = op === 'create-replacement' ? 'replace' : op;
        return this.#isPreview ? `${count} to ${verb}` : `${count} ${VERBS[op]?.[2] ?? verb}`;
      })
      .join(', ');
  }

  /** Removes the live line. */
  close(): void {
    clearInterval(this.#timer);
    this.#line.clear();
  }

  #begin({ op, urn }: { op: string; urn: string }): void {
    const verb = VERBS[op];
    if (verb === undefined || isComponent(urn)) return;
    if (this.#isPreview) {
      this.#count(op);
      this.#print(verb[0], shortName(urn), '');
      return;
    }
    this.#underWay.set(urn, { text: `${verb[1]} ${shortName(urn)}`, sinceMs: Date.now() });
    this.#draw();
  }

  #end({ op, urn }: { op: string; urn: string }): void {
    const verb = VERBS[op];
    if (verb === undefined || this.#isPreview || isComponent(urn)) return;
    const begun = this.#underWay.get(urn);
    this.#underWay.delete(urn);
    this.#count(op);
    const took = begun === undefined ? '' : ` in ${Math.round((Date.now() - begun.sinceMs) / 1000)} s`;
    this.#print(verb[0], shortName(urn), `${verb[2]}${took}`);
  }

  #fail({ op, urn }: { op: string; urn: string }): void {
    this.#underWay.delete(urn);
    this.#print('!', shortName(urn), `failed (${op})`);
  }

  #hear(severity: string, message: string, urn: string | undefined): void {
    const text = withoutColors(message).trim();
    if (text === '' || (severity !== 'error' && severity !== 'warning')) return;
    const place = urn === undefined || urn === '' ? '' : `${shortName(urn)}: `;
    if (severity === 'error' && this.faults.length < MAX_FAULTS) {
      this.faults.push(`${place}${text.replace(/\s*\n\s*/g, ' ')}`);
    }
    this.#line.clear();
    process.stderr.write(`${severity}: ${place}${text}\n`);
  }

  #count(op: string): void {
    if (COUNTED.has(op)) this.counts.set(op, (this.counts.get(op) ?? 0) + 1);
  }

  #print(mark: string, name: string, what: string): void {
    this.#line.clear();
    const color = mark === '!' || mark === '-' ? 'red' : mark === '+' ? 'green' : 'yellow';
    const shown = styleText(color, mark, { stream: process.stdout });
    process.stdout.write(`  ${elapsed(this.elapsedMs)} ${shown} ${name}${what === '' ? '' : `  ${what}`}\n`);
  }

  #draw(): void {
    const [first] = this.#underWay.values();
    if (first === undefined) return;
    const others = this.#underWay.size - 1;
    const more = others > 0 ? ` and ${others} more` : '';
    const seconds = Math.round((Date.now() - first.sinceMs) / 1000);
    this.#line.show(`  ${elapsed(this.elapsedMs)}   ${first.text}${more} (${seconds} s)`);
  }
}

/** Components and the stack itself exist only in Pulumi. */
function isComponent(urn: string): boolean {
  const type = (urn.split('::')[2] ?? '').split('$').at(-1) ?? '';
  return /^(logline|pulumi):/.test(type);
}

/** Pulumi marks colours as `<{%fg 1%}>` where the output has none. */
function withoutColors(text: string): string {
  return text.replace(/<\{%.*?%\}>/g, '');
}
