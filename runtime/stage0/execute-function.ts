import { FunctionFailedError, UnavailableError } from '../base/errors';
import { Reservation } from '../base/fair-shares';
import { TURN_BYTES } from '../base/fair-turns';
import type { JsonValue, SignedSpan } from '../base/span';
import type { FunctionCall } from '../host/function-starter';
import { parseWith } from '../json/parse-with';
import { type Answer, callerOf, json, withHeaders } from './answer';
import { refuseGone } from './append-share';
import type { Handler, RouteRequest } from './handlers';
import { preferencesOf } from './prefer';
import { problemAnswer } from './problem';
import { readJsonBody } from './request-body';
import type { Stage0 } from './stage0';
import { validateExecuteBody, validateIdPath } from './validators.generated';
import { positionHeader } from './write-position';

/** `POST /api/execute/{function_id}`, within the tenant's share of request bodies: many would fill the memory. */
export const executeFunction: Handler = async (stage0, routeRequest) => {
  await stage0.epochs.requireAppendable();
  const body = new Reservation(stage0.fairness.bodies, callerOf(routeRequest.caller).tenant);
  try {
    return await execute(stage0, routeRequest, body);
  } finally {
    body.release();
  }
};

async function execute(
  stage0: Stage0,
  { request, caller, path, traceId, spanId }: RouteRequest,
  reservation: Reservation,
): Promise<Answer> {
  const { id } = parseWith<{ id: string }>(validateIdPath, { id: path.function_id }, 'The path');
  const turn = () => stage0.fairness.turns.take(callerOf(caller).tenant, TURN_BYTES);
  const body = (await readJsonBody(request, reservation, turn)) ?? {};
  const { input } = parseWith<{ input?: JsonValue }>(validateExecuteBody, body, 'The body');
  const call = { functionId: id.toLowerCase(), input, caller: callerOf(caller), traceId, spanId };
  if (preferencesOf(request).has('respond-async')) {
    const span = await requestRun(stage0, call);
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
  const release = await takeRun(stage0, call.caller.tenant, reservation);
  try {
    refuseGone(request);
    return await run(stage0, { ...call, signal: request.signal });
  } finally {
    release();
  }
}

/** Appends the request; like other appends it takes a place of the tenant's share. */
async function requestRun({ fairness, functions }: Stage0, call: FunctionCall): Promise<SignedSpan> {
  const release = await fairness.work.take(call.caller.tenant, 1);
  try {
    return await functions.request(call);
  } finally {
    release();
  }
}

/**
 * Takes a run, and the memory of its input, from the tenant's shares. @returns a function that gives them back
 * @throws ShareUsedUpError; UnavailableError that says that the run has not begun, so that a client may retry it
 */
async function takeRun({ fairness }: Stage0, tenant: string, body: Reservation): Promise<() => void> {
  const input = new Reservation(fairness.inputs, tenant);
  try {
    await input.atLeast(body.amount);
    // Not before, since what waits is in memory; and not later, or runs would hinder appends.
    body.release();
    const release = await fairness.runs.take(tenant, 1);
    return () => {
      release();
      input.release();
    };
  } catch (error) {
    input.release();
    if (!(error instanceof UnavailableError)) throw error;
    const { message, retryAfterSeconds = 1 } = error;
    throw new UnavailableError(message, { retryAfterSeconds, members: { began: false }, cause: error });
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
