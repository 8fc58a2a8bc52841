import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { TooLargeError } from '../base/errors';
import { parseIJson } from '../json/i-json';
import { problemResponse } from '../stage0/problem';

/** Largest result of a function, as JSON ("Lambda quotas", invocation payload, synchronous): 6 MB less its envelope. */
export const MAX_RESULT_BYTES = 6_291_556;

/** Room for the rest of a result: status and headers. */
const HEAD_BYTES = 32 * 1024;

/** Longer bodies are sent as base64, which adds a third; escaping JSON within JSON can double it. */
const MAX_ESCAPED_BYTES = 6_000_000;

/**
 * The result within Lambda's limit. A body that is too large even as base64 is a single span of the first edition; it is
 * replaced by 413 with the span's id, seq and curr_hash.
 */
export async function fittingResult(
  result: APIGatewayProxyStructuredResultV2,
): Promise<APIGatewayProxyStructuredResultV2> {
  const { body = '', isBase64Encoded = false } = result;
  // Most answers are far too small to measure: a character takes six bytes at most.
  if (body.length * 6 <= MAX_ESCAPED_BYTES) return result;
  const bytes = isBase64Encoded ? body.length : Buffer.byteLength(JSON.stringify(body));
  if (bytes <= MAX_ESCAPED_BYTES) return result;
  if (!isBase64Encoded) {
    const encoded = Buffer.from(body).toString('base64');
    if (encoded.length <= MAX_RESULT_BYTES - HEAD_BYTES)
      return { ...result, body: encoded, isBase64Encoded: true };
  } else if (bytes <= MAX_RESULT_BYTES - HEAD_BYTES) {
    return result;
  }
  return tooLarge(isBase64Encoded ? '' : body);
}

async function tooLarge(body: string): Promise<APIGatewayProxyStructuredResultV2> {
  const response = problemResponse(
    new TooLargeError(
      'This span is larger than an answer may be here; read it where its ledger runs locally.',
      {
        members: firstSpanIn(body),
      },
    ),
  );
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}

/** `id`, `seq` and `curr_hash` of the span in an answer, or of the first of several. */
function firstSpanIn(body: string): Readonly<Record<string, unknown>> {
  if (body === '') return {};
  const answer = memberOf(parseIJson(body), 'span', 'spans', 'manifest', 'execution');
  const span = Array.isArray(answer) ? answer[0] : answer;
  return Object.fromEntries(['id', 'seq', 'curr_hash'].map((name) => [name, memberOf(span, name)]));
}

/** The first of these members that an object has. */
function memberOf(value: unknown, ...names: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const found = names.find((name) => Object.hasOwn(value, name));
  return found === undefined ? undefined : (value as Readonly<Record<string, unknown>>)[found];
}
