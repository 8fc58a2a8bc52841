import type { JsonValue, SignedSpan } from '../../base/span';
import type { SandboxOutcome } from '../../sandbox';
import type { KernelContext } from '../kernel-context';

/** What one policy returned for one span, or why it failed. */
export type Verdict =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly error: JsonValue };

/** One span: a tenth of what a function gets. */
const SINGLE = {
  cpuMs: 500,
  wallMs: 2_000,
  memoryBytes: 32 * 1024 * 1024,
  outputBytes: 256 * 1024,
  maxCalls: 100,
};
/** Many spans in one run of the sandbox. */
const MANY = {
  cpuMs: 1_000,
  wallMs: 3_000,
  memoryBytes: 64 * 1024 * 1024,
  outputBytes: 1024 * 1024,
  maxCalls: 1_000,
};
/** After this a turn ends at the next span that has to be run alone. */
const TURN_MS = 1_500;
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

/**
 * Evaluates `on(span)` on spans in their order, each with fresh top-level variables, and stops early when the
 * turn has taken long.
 *
 * All spans share one run of the sandbox, which costs milliseconds however many they are. Only when that run
 * dies (an endless loop, too much memory, a promise that never resolves) is each span run alone, to tell the
 * one that kills from those that work.
 *
 * @throws InterruptedError when the sandbox is stopping; whatever `ctx.sandbox` throws.
 */
export async function evaluate(
  ctx: KernelContext,
  policy: SignedSpan,
  spans: readonly SignedSpan[],
): Promise<Evaluation> {
  const startedMs = Date.now();
  const together = spans.length > 1 ? await evaluateTogether(ctx, policy, spans) : NOT_TOGETHER;
  let { isCostly } = together;
  const verdicts: Verdict[] = [];
  for (const [index, span] of spans.entries()) {
    let verdict = together.verdicts[index];
    if (verdict === undefined) {
      if (verdicts.length > 0 && Date.now() - startedMs > TURN_MS) break;
      const outcome = await run(ctx, policy, 'on', policy.code ?? '', span as unknown as JsonValue, SINGLE);
      isCostly ||= !outcome.ok && COSTLY.has(outcome.error.code);
      verdict = outcome.ok
        ? { ok: true, value: outcome.output }
        : { ok: false, error: outcome.error as unknown as JsonValue };
    }
    verdicts.push(verdict);
  }
  return { verdicts, isCostly };
}

interface Together {
  readonly verdicts: readonly (Verdict | undefined)[];
  readonly isCostly: boolean;
}

const NOT_TOGETHER: Together = { verdicts: [], isCostly: false };

/** A verdict for each span that was judged; a span whose evaluation threw has to be run alone, where it is described. */
async function evaluateTogether(
  ctx: KernelContext,
  policy: SignedSpan,
  spans: readonly SignedSpan[],
): Promise<Together> {
  const code = policy.code ?? '';
  // A module's export cannot stand inside a function.
  if (/^[ \t]*(export|import)\b/m.test(code)) return NOT_TOGETHER;
  const outcome = await run(ctx, policy, 'main', wrapped(code), spans as unknown as JsonValue, MANY);
  if (!outcome.ok) return { verdicts: [], isCostly: COSTLY.has(outcome.error.code) };
  const output: readonly JsonValue[] = Array.isArray(outcome.output) ? outcome.output : [];
  return output.length === spans.length ? { verdicts: output.map(verdictOf), isCostly: false } : NOT_TOGETHER;
}

/**
 * The policy's code as the body of a function that is called anew for each span, so that no span sees what
 * the one before left behind. It begins on the first line: line numbers in errors stay the policy's own.
 */
function wrapped(code: string): string {
  return `function policyCode() {${code}
;return typeof on === 'function' ? on : undefined;
}
async function main(ctx, spans) {
  const verdicts = [];
  for (const span of spans) {
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
  ctx: KernelContext,
  policy: SignedSpan,
  entry: 'on' | 'main',
  code: string,
  input: JsonValue,
  limits: typeof SINGLE,
): Promise<SandboxOutcome> {
  const filename = `${(policy.name ?? 'policy').replace(/[^\w.-]/g, '_')}.js`;
  const outcome = await ctx.sandbox({ code, entry, input, limits, filename, pure: true });
  if (!outcome.ok && outcome.error.code === 'aborted') throw new InterruptedError(outcome.error.message);
  return outcome;
}
