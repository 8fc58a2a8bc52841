import type { JsonValue, SignedSpan } from '../../base/span';
import type { SandboxOutcome } from '../../sandbox';
import { countCpu } from '../daily-quota';
import type { KernelContext } from '../kernel-context';

/** The result of one policy for one span, or why it failed. */
export type Verdict =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly error: JsonValue };

/** Limits for one span: a tenth of a function's CPU time. A policy waits for nothing; the wall time is for busy machines. */
const SINGLE = {
  cpuMs: 500,
  wallMs: 5_000,
  memoryBytes: 32 * 1024 * 1024,
  outputBytes: 256 * 1024,
  maxCalls: 100,
};
/** Limits for many spans in one run of the sandbox. Little CPU time, since a poison span takes all of it, and its own. */
const MANY = {
  cpuMs: 250,
  wallMs: 5_000,
  memoryBytes: 64 * 1024 * 1024,
  outputBytes: 1024 * 1024,
  maxCalls: 1_000,
};
/**
 * After this much CPU time a turn ends with the verdicts so far: enough for six poison spans and all others. Not clock time,
 * by which other programs on the machine would cost the policy its turn.
 */
const TURN_CPU_MS = 5_000;
/** The same by the clock, for runs that wait. */
const TURN_MS = 15_000;
/** No run starts when less than this is left of the tick: a run and its append have to end in time. */
const RESERVE_MS = 8_000;
/** Errors that cost as much time as the limit allows. */
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
  /** One for each span evaluated: at least one, from the first span on. */
  readonly verdicts: readonly Verdict[];
  /** Whether a run reached a limit; such a policy gets no further turn in this tick. */
  readonly isCostly: boolean;
}

/** The sandbox aborted the run, so that the spans were not evaluated. */
export class InterruptedError extends Error {}

/** Errors of a run of many spans that are not due to a single span, so that bisecting would not help. */
const NOT_OF_ONE_SPAN: ReadonlySet<string> = new Set(['syntax', 'no_entry', 'thrown', 'bad_result']);

/**
 * Evaluates `on(span)` on spans in their order, each with fresh top-level variables. Stops early when the turn takes too
 * long.
 *
 * All spans share one run of the sandbox, which costs milliseconds however many they are. When that run dies (an endless
 * loop, too much memory, a promise that never resolves), it is split at the span that it died on: that one runs alone,
 * those before and those after it together. One poison span thus costs two runs at their limit, however many spans
 * surround it.
 *
 * @throws InterruptedError when the sandbox is stopping; errors of `ctx.sandbox`
 */
export async function evaluate(
  ctx: KernelContext,
  policy: SignedSpan,
  spans: readonly SignedSpan[],
): Promise<Evaluation> {
  const turn: Turn = { ctx, policy, startedMs: performance.now(), verdicts: [], isCostly: false, cpuMs: 0 };
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

function isOver({ ctx, startedMs, cpuMs, verdicts }: Turn): boolean {
  const isTimeUp = performance.now() - startedMs > TURN_MS || ctx.remainingMs() < RESERVE_MS;
  return verdicts.length > 0 && (cpuMs > TURN_CPU_MS || isTimeUp);
}

/** Adds verdicts in the order of the spans; the last ones are missing when the turn runs out of time. */
async function judge(turn: Turn, spans: readonly SignedSpan[], isFirstPart = false): Promise<void> {
  const [first] = spans;
  if (first === undefined || isOver(turn)) return;
  if (spans.length === 1) {
    turn.verdicts.push(await judgeAlone(turn, first));
    return;
  }
  const together = await judgeTogether(turn, spans);
  if ('diedAt' in together) {
    // These spans passed before and die now, so the reported index is not reliable; halving always ends.
    const index = isFirstPart ? Math.floor(spans.length / 2) : together.diedAt;
    await judge(turn, spans.slice(0, index), true);
    await judge(turn, spans.slice(index, index + 1));
    await judge(turn, spans.slice(index + 1));
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

/** Verdicts, undefined for spans that have to run alone; or the index of the span that the run died on. */
type Together = { readonly verdicts: readonly (Verdict | undefined)[] } | { readonly diedAt: number };

/** Evaluates spans in one run. A span whose evaluation throws has to run alone, which describes the error. */
async function judgeTogether(turn: Turn, spans: readonly SignedSpan[]): Promise<Together> {
  const code = turn.policy.code ?? '';
  // Module syntax is not allowed inside a function.
  if (/^[ \t]*(export|import)\b/m.test(code)) return { verdicts: [] };
  const outcome = await run(turn, 'main', wrapped(code), spans as unknown as JsonValue, MANY);
  if (!outcome.ok) {
    turn.isCostly ||= COSTLY.has(outcome.error.code);
    if (NOT_OF_ONE_SPAN.has(outcome.error.code)) return { verdicts: [] };
    return { diedAt: Math.min(lastIndexOf(outcome), spans.length - 1) };
  }
  const output: readonly JsonValue[] = Array.isArray(outcome.output) ? outcome.output : [];
  return { verdicts: output.length === spans.length ? output.map(verdictOf) : [] };
}

const PROGRESS = /^policy at (\d{1,4})$/;

/** Index of the span that a run of many had reached, by its log. Code may forge it, at the cost of its own turn. */
function lastIndexOf({ logs }: SandboxOutcome): number {
  const last = logs.findLast(({ text }) => PROGRESS.test(text));
  return Number(PROGRESS.exec(last?.text ?? '')?.[1] ?? 0);
}

/**
 * The policy's code as the body of a function that is called for each span, so that no state is carried over between
 * spans. It begins on the first line, so that line numbers in errors are those of the policy. Its console is silent, since
 * the room for lines is needed for the progress.
 */
function wrapped(code: string): string {
  return `function policyCode() {${code}
;return typeof on === 'function' ? on : undefined;
}
async function main(ctx, spans) {
  const verdicts = [];
  const tell = console.log;
  for (const level of Object.keys(console)) console[level] = () => undefined;
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
