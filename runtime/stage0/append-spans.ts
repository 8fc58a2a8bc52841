import { MalformedError } from '../base/errors';
import type { Identity } from '../base/identity';
import { MAX_SPANS_BYTES } from '../ledger/page-bytes';
import type { SpanDraft } from '../ledger/span-draft';
import type { Appended } from '../ledger/span-writer';
import { type Answer, callerOf, jsonText } from './answer';
import { type AppendShare, withAppendShare } from './append-share';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';
import { preferencesOf } from './prefer';
import { readDrafts } from './read-drafts';
import type { Stage0 } from './stage0';
import { positionHeader } from './write-position';

/** Printable, and short enough for an index. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** `POST /api/spans`. */
export const appendSpans: Handler = async (stage0, { request, caller, givenTraceId }) => {
  const identity = identityOf(callerOf(caller));
  await stage0.epochs.requireAppendable();
  return withAppendShare(stage0, { tenant: identity.tenant, request }, (share) =>
    append(stage0, { identity, request, share, traceId: givenTraceId }),
  );
};

interface Append {
  readonly identity: Identity;
  readonly request: Request;
  readonly share: AppendShare;
  readonly traceId: string | undefined;
}

async function append(stage0: Stage0, { identity, request, share, traceId }: Append): Promise<Answer> {
  const idempotencyKey = idempotencyKeyOf(request);
  const isMinimal = preferencesOf(request).get('return') === 'minimal';
  const { drafts, isList, hasManyValues } = await readDrafts(request, {
    identity,
    share,
    turn: (bytes) => stage0.fairness.turns.take(identity.tenant, bytes),
  });
  const appended = await stage0.writer.append(identity, drafts, {
    idempotencyKey,
    traceId,
    isList,
    hasManyValues,
    isLimited: true,
  });
  if (drafts.some(isRevocation)) stage0.revocations.forget(identity.tenant);
  const headers = await positionHeader(stage0, appended.txId);
  return isMinimal || bytesOf(appended) > MAX_SPANS_BYTES
    ? answerWith(appended, minimalTexts(appended), isList, {
        ...headers,
        'preference-applied': 'return=minimal',
      })
    : answerWith(appended, appended.json, isList, headers);
}

function answerWith(
  { created }: Appended,
  texts: readonly string[],
  isList: boolean,
  headers: Readonly<Record<string, string>>,
): Answer {
  const spans = isList ? `"spans":[${texts.join(',')}],"count":${texts.length}` : `"span":${texts[0]}`;
  return jsonText(created ? 201 : 200, `{"success":true,${spans}}`, headers);
}

/** The short form of each span (`return=minimal`): enough to find it and to compare it. */
function minimalTexts({ spans }: Appended): string[] {
  return spans.map(({ id, seq, curr_hash }) => JSON.stringify({ id, seq, curr_hash }));
}

function bytesOf({ json }: Appended): number {
  let bytes = json.length;
  // A text has at most three bytes a character, so most need no count.
  for (const text of json) bytes += text.length * 3;
  if (bytes <= MAX_SPANS_BYTES) return bytes;
  return json.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
}

/** The Idempotency-Key. A quoted string in the IETF draft, bare in common practice; both are accepted. */
function idempotencyKeyOf(request: Request): string | undefined {
  const header = request.headers.get('idempotency-key');
  if (header === null) return undefined;
  const key = header.trim().replace(/^"(.*)"$/, '$1');
  if (IDEMPOTENCY_KEY.test(key)) return key;
  throw new MalformedError('Idempotency-Key must be 1 to 255 printable ASCII characters without spaces.');
}

function isRevocation(draft: SpanDraft): boolean {
  return draft.entity_type === 'token_revocation';
}
