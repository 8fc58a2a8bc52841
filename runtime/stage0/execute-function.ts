import { FunctionFailedError } from '../base/errors';
import { Reservation } from '../base/fair-shares';
import { TURN_BYTES } from '../base/fair-turns';
import type { JsonValue } from '../base/span';
import type { FunctionCall } from '../host/function-starter';
import { parseWith } from '../json/parse-with';
import { type Answer, callerOf, json, withHeaders } from './answer';
import type { Handler } from './handlers';
import { preferencesOf } from './prefer';
import { problemAnswer } from './problem';
import { readJsonBody } from './request-body';
import type { Stage0 } from './stage0';
import { validateExecuteBody, validateIdPath } from './validators.generated';
import { positionHeader } from './write-position';

/** `POST /api/execute/{function_id}`. */
export const executeFunction: Handler = async (stage0, { request, caller, path, traceId, spanId }) => {
  await stage0.epochs.requireAppendable();
  const { id } = parseWith<{ id: string }>(validateIdPath, { id: path.function_id }, 'The path');
  const body = (await readBody(stage0, request, callerOf(caller).tenant)) ?? {};
  const { input } = parseWith<{ input?: JsonValue }>(validateExecuteBody, body, 'The body');
  const call = { functionId: id.toLowerCase(), input, caller: callerOf(caller), traceId, spanId };
  if (preferencesOf(request).has('respond-async')) {
    const span = await stage0.functions.request(call);
    return json(
      202,
      { success: true, function_id: call.functionId, request: span },
      {
        'preference-applied': 'respond-async',
        location: `/api/spans/${span.id}`,
        ...(await positionHeader(stage0)),
      },
    );
  }
  return run(stage0, { ...call, signal: request.signal });
};

/** Within the tenant's share of request bodies: many unfinished ones would fill the memory. */
async function readBody(
  { fairness }: Stage0,
  request: Request,
  tenant: string,
): Promise<JsonValue | undefined> {
  const reservation = new Reservation(fairness.bodies, tenant);
  try {
    return await readJsonBody(request, reservation, () => fairness.turns.take(tenant, TURN_BYTES));
  } finally {
    reservation.release();
  }
}

/** Adds the execution span to the error of a function that failed. */
async function run(stage0: Stage0, call: FunctionCall): Promise<Answer> {
  try {
    const { result, execution } = await stage0.functions.run(call);
    const body = { success: true, function_id: call.functionId, result, execution };
    return json(200, body, await positionHeader(stage0));
  } catch (error) {
    if (!(error instanceof FunctionFailedError)) throw error;
    return withHeaders(problemAnswer(error), await positionHeader(stage0));
  }
}
