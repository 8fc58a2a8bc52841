import { MalformedError } from '../base/errors';
import type { SpanDraft } from '../ledger/span-draft';
import { parseDrafts } from '../ledger/span-input';
import { callerOf, jsonText } from './answer';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';
import { readSpanBody } from './request-body';
import { positionHeader } from './write-position';

/** Printable, and short enough for an index. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** `POST /api/spans`. */
export const appendSpans: Handler = async (stage0, { request, caller }) => {
  const identity = identityOf(callerOf(caller));
  const idempotencyKey = idempotencyKeyOf(request);
  const { values, isList } = await readSpanBody(request);
  const drafts = parseDrafts(values, isList);
  const appended = await stage0.writer.append(identity, drafts, { idempotencyKey });
  if (drafts.some(isRevocation)) stage0.revocations.forget();
  const status = appended.created ? 201 : 200;
  const headers = await positionHeader(stage0, appended.txId);
  const [first] = appended.json;
  return isList
    ? jsonText(
        status,
        `{"success":true,"spans":[${appended.json.join(',')}],"count":${appended.json.length}}`,
        headers,
      )
    : jsonText(status, `{"success":true,"span":${first}}`, headers);
};

/** The header is a quoted string in the IETF draft and bare in common practice; both are taken. */
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
