import type { JsonValue, SignedSpan } from '../../base/span';
import type { SandboxOutcome } from '../../sandbox';
import { countCpu } from '../daily-quota';
import type { KernelContext } from '../kernel-context';

/** What one policy returned for one span, or why it failed. */
export type Verdict =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly error: JsonValue };

/** One span: a tenth of what a function gets. A policy waits for nothing, so only a busy machine needs the wall time. */
const SINGLE = {
  cpuMs: 500,
  wallMs: 5_000,
  memoryBytes: 32 * 1024 * 1024,
  outputBytes: 256 * 1024,
  maxCalls: 100,
};
/** Many spans in one run of the sandbox. */
const MANY = {
  cpuMs: 500,
  wallMs: 5_000,
  memoryBytes: 64 * 1024 * 1024,
  outputBytes: 1024 * 1024,
  maxCalls: 1_000,
};
/** After this a turn ends with the spans judged so far: time to find one span that kills, and to judge the others. */
const TURN_MS = 5_000;
/** Ends of a run that cost the limit, not the moment that an error takes. */
const COSTLY: ReadonlySet<string> = new Set([
  'cpu_limit',
  'wall_limit',
  'memory_limit',
  'stack_limit',
  'call_limit',
  'crashed',
]);

/** The verdicts of one turn. */
export interface Evaluation {
  /** One for each span that was judged: at least one, always the first ones. */
  readonly verdicts: readonly Verdict[];
  /** Whether a run met a limit; such a policy had its share of this tick. */
  readonly isCostly: boolean;
}

/** The sandbox ended the run for a reason of its own; the spans were not judged. */
export class InterruptedError extends Error {}

/** Ends of a run of many that say nothing about a single span: parting it would tell no more. */
const OF_ALL_ALIKE: ReadonlySet<string> = new Set(['syntax', 'no_entry', 'thrown', 'bad_result']);

/**
 * Evaluates `on(span)` on spans in their order, each with fresh top-level variables, and stops early when the
 * turn has taken long.
 *
 * All spans share one run of the sandbox, which costs milliseconds however many they are. When that run dies (an
 * endless loop, too much memory, a promise that never resolves), the spans are parted at the one it died on: that one
 * runs alone, those before it and those behind it together. One bad record costs two runs at their limit, however many
 * spans stand around it.
 *
 * @throws InterruptedError when the sandbox is stopping; whatever `ctx.sandbox` throws.
 */
export async function evaluate(
  ctx: KernelContext,
  policy: SignedSpan,
  spans: readonly SignedSpan[],
): Promise<Evaluation> {
  const turn: Turn = { ctx, policy, startedMs: Date.now(), verdicts: [], isCostly: false, cpuMs: 0 };
  await judge(turn, spans);
  await countCpu(ctx, await ctx.manifest(), turn.cpuMs);
  return { verdicts: turn.verdicts, isCostly: turn.isCostly };
}

interface Turn {
  readonly ctx: KernelContext;
  readonly policy: SignedSpan;
  readonly startedMs: number;
  readonly verdicts: Verdict[];
  isCostly: boolean;
  /** Processor time of all runs. */
  cpuMs: number;
}

function isOver({ startedMs, verdicts }: Turn): boolean {
  return verdicts.length > 0 && Date.now() - startedMs > TURN_MS;
}

/** Adds verdicts in the order of the spans; those that the turn has no time for are left out at the end. */
async function judge(turn: Turn, spans: readonly SignedSpan[], isPartBefore = false): Promise<void> {
  const [first] = spans;
  if (first === undefined || isOver(turn)) return;
  if (spans.length === 1) {
    turn.verdicts.push(await judgeAlone(turn, first));
    return;
  }
  const together = await judgeTogether(turn, spans);
  if ('diedAt' in together) {
    // Spans that were judged once and die now cannot be told by the place: halves end, whatever the code does.
    const place = isPartBefore ? Math.floor(spans.length / 2) : together.diedAt;
    await judge(turn, spans.slice(0, place), true);
    await judge(turn, spans.slice(place, place + 1));
    await judge(turn, spans.slice(place + 1));
    return;
  }
  for (const [index, span] of spans.entries()) {
    if (together.verdicts[index] === undefined && isOver(turn)) return;
    turn.verdicts.push(together.verdicts[index] ?? (await judgeAlone(turn, span)));
  }
}

async function judgeAlone(turn: Turn, span: SignedSpan): Promise<Verdict> {
  const { policy } = turn;
  const outcome = await run(turn, 'on', policy.code ?? '', span as unknown as JsonValue, SINGLE);
  turn.isCostly ||= !outcome.ok && COSTLY.has(outcome.error.code);
  return outcome.ok
    ? { ok: true, value: outcome.output }
    : { ok: false, error: outcome.error as unknown as JsonValue };
}

/** Verdicts, but for spans that have to be run alone; or the index of the span that the run died on. */
type Together = { readonly verdicts: readonly (Verdict | undefined)[] } | { readonly diedAt: number };

/** A span whose evaluation threw has to be run alone, where it is described. */
async function judgeTogether(turn: Turn, spans: readonly SignedSpan[]): Promise<Together> {
  const code = turn.policy.code ?? '';
  // A module's export cannot stand inside a function.
  if (/^[ \t]*(export|import)\b/m.test(code)) return { verdicts: [] };
  const outcome = await run(turn, 'main', wrapped(code), spans as unknown as JsonValue, MANY);
  if (!outcome.ok) {
    turn.isCostly ||= COSTLY.has(outcome.error.code);
    if (OF_ALL_ALIKE.has(outcome.error.code)) return { verdicts: [] };
    return { diedAt: Math.min(placeOf(outcome), spans.length - 1) };
  }
  const output: readonly JsonValue[] = Array.isArray(outcome.output) ? outcome.output : [];
  return { verdicts: output.length === spans.length ? output.map(verdictOf) : [] };
}

const PLACE = /^policy at (\d{1,4})$/;

/** The span that a run of many had come to, by what it told last. The code may tell lies, which cost its own turn. */
function placeOf({ logs }: SandboxOutcome): number {
  const last = logs.findLast(({ text }) => PLACE.test(text));
  return Number(PLACE.exec(last?.text ?? '')?.[1] ?? 0);
}

/**
 * The policy's code as the body of a function that is called again for each span, so that no span sees what
 * the one before left behind. It begins on the first line: line numbers in errors stay the policy's own.
 */
function wrapped(code: string): string {
  return `function policyCode() {${code}
;return typeof on === 'function' ? on : undefined;
}
async function main(ctx, spans) {
  const verdicts = [];
  const tell = console.log;
  for (const [index, span] of spans.entries()) {
    tell('policy at ' + index);
    try {
      const value = await policyCode()(span, ctx);
      const text = JSON.stringify(value === undefined ? null : value);
      verdicts.push(text === undefined ? {} : { value: JSON.parse(text) });
    } catch {
      verdicts.push({});
    }
  }
  return verdicts;
}`;
}

function verdictOf(value: JsonValue): Verdict | undefined {
  if (typeof value !== 'object' || value === null || !('value' in value)) return undefined;
  return { ok: true, value: value.value ?? null };
}

async function run(
  turn: Turn,
  entry: 'on' | 'main',
  code: string,
  input: JsonValue,
  limits: typeof SINGLE,
): Promise<SandboxOutcome> {
  const { ctx, policy } = turn;
  const filename = `${(policy.name ?? 'policy').replace(/[^\w.-]/g, '_')}.js`;
  const outcome = await ctx.sandbox({ code, entry, input, limits, filename, pure: true });
  turn.cpuMs += outcome.cpuMs;
  if (!outcome.ok && outcome.error.code === 'aborted') throw new InterruptedError(outcome.error.message);
  return outcome;
}
