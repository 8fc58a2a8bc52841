import { ForbiddenError, LogLineError, MalformedError } from '../base/errors';
import type { FairTurns } from '../base/fair-turns';
import type { Identity } from '../base/identity';
import type { JsonValue, Span } from '../base/span';
import { asLogLineError } from '../db/database-error';
import type { KeyRing } from '../ledger/keys/key-ring';
import { completeSpan, type SpanDraft } from '../ledger/span-draft';
import { parseDrafts } from '../ledger/span-input';
import { signSpan, verifySpan } from '../ledger/span-signature';
import type { SpanWriter } from '../ledger/span-writer';
import type { HostCall } from '../sandbox';
import type { UserSqlRun } from './user-sql';

/** Most spans of one ctx.insertSpan. */
const MAX_SPANS = 1_000;

export interface GuestCallsOptions {
  /** The SQL of this run. */
  readonly sql: UserSqlRun;
  readonly writer: SpanWriter;
  readonly keys: () => KeyRing;
  /** The identity that the code acts under; the code cannot change it. */
  readonly identity: Identity;
  /** Policies: neither read nor write. */
  readonly pure: boolean;
  /** Turns of the main thread. */
  readonly turns: FairTurns;
}

/** What checking one draft of a list costs, in bytes of JSON that could be worked on in that time. */
const DRAFT_BYTES = 512;

/**
 * The host's side of a sandboxed `ctx`. Names and arguments come from hostile code: everything is parsed, and errors not
 * meant for callers are replaced by a general one.
 */
export function guestCalls(options: GuestCallsOptions): HostCall {
  return async (name, args, signal) => {
    try {
      return await answer(options, name, args, signal);
    } catch (error) {
      const known = asLogLineError(error);
      if (known instanceof LogLineError) throw known;
      throw new MalformedError('The call failed.', { cause: error });
    }
  };
}

async function answer(
  options: GuestCallsOptions,
  name: string,
  args: JsonValue,
  signal: AbortSignal,
): Promise<JsonValue> {
  if (name === 'verifySpan') return verifySpan(args as Partial<Span>) as unknown as JsonValue;
  if (options.pure) throw new ForbiddenError(`A policy cannot call ctx.${name}; return actions instead.`);
  if (name === 'sql') return options.sql.run(statementOf(args), signal);
  if (name === 'insertSpan') return insert(options, args);
  if (name === 'signSpan') return sign(options, args);
  throw new MalformedError(`ctx has no ${name}.`);
}

async function insert(
  { sql, writer, identity, turns }: GuestCallsOptions,
  args: JsonValue,
): Promise<JsonValue> {
  const isList = Array.isArray(args);
  const values: readonly JsonValue[] = isList ? args : [args];
  if (values.length === 0 || values.length > MAX_SPANS) {
    throw new MalformedError(`ctx.insertSpan takes one span or a list of 1 to ${MAX_SPANS}.`);
  }
  const turn = turns.take(identity.tenant, values.length * DRAFT_BYTES);
  if (turn !== undefined) await turn;
  const drafts = parseDrafts(values, isList);
  let txId: string | undefined;
  try {
    const appended = await writer.append(identity, drafts, { isLimited: true });
    txId = appended.txId;
    return (isList ? appended.spans : appended.spans[0]) as unknown as JsonValue;
  } finally {
    sql.appended(txId);
  }
}

function sign({ identity, keys }: GuestCallsOptions, args: JsonValue): JsonValue {
  const [draft] = parseDrafts([args], false) as [SpanDraft];
  return signSpan(completeSpan(draft, identity, new Date()), keys().current) as unknown as JsonValue;
}

function statementOf(args: JsonValue): { text: string; values: readonly JsonValue[] } {
  if (typeof args === 'object' && args !== null && 'text' in args && 'values' in args) {
    const { text, values } = args;
    if (typeof text === 'string' && Array.isArray(values)) return { text, values };
  }
  throw new MalformedError('ctx.sql is a template tag.');
}
