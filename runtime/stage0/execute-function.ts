import type { JsonValue } from '../base/span';
import { parseWith } from '../json/parse-with';
import { callerOf, json } from './answer';
import type { Handler } from './handlers';
import { readJsonBody } from './request-body';
import { validateExecuteBody, validateIdPath } from './validators.generated';

/** `POST /api/execute/{function_id}`. */
export const executeFunction: Handler = async (stage0, { request, caller, path, traceId }) => {
  const { id } = parseWith<{ id: string }>(validateIdPath, { id: path.function_id }, 'The path');
  const body = (await readJsonBody(request)) ?? {};
  const { input } = parseWith<{ input?: JsonValue }>(validateExecuteBody, body, 'The body');
  const call = { functionId: id.toLowerCase(), input, caller: callerOf(caller), traceId };
  if (prefersAsync(request)) {
    const span = await stage0.functions.request(call);
    return json(
      202,
      { success: true, function_id: call.functionId, request: span, span },
      { 'preference-applied': 'respond-async', location: `/api/spans/${span.id}` },
    );
  }
  const { result, execution } = await stage0.functions.run(call);
  return json(200, { success: true, function_id: call.functionId, result, execution });
};

/** RFC 7240: preferences are separated by commas, may carry parameters, and are case-insensitive. */
function prefersAsync(request: Request): boolean {
  const preferences = (request.headers.get('prefer') ?? '').split(',');
  return preferences.some(
    (preference) => preference.split(';', 1)[0]?.trim().toLowerCase() === 'respond-async',
  );
}
