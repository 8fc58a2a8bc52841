import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda';
import { ForbiddenError, type LogLineError, UnavailableError } from '../base/errors';
import { openReader } from '../db/reader';
import { BootGuard } from '../host/boot-guard';
import { KernelFunctionStarter } from '../host/kernel-function-starter';
import { expectedTicks } from '../host/schedule';
import { createMetrics, type Metrics } from '../log/metrics';
import { assembleStage0 } from '../stage0/assemble-stage0';
import { problemResponse } from '../stage0/problem';
import { EDGE_HEADER, EdgeGuard } from './edge-guard';
import { readExplorerFile } from './explorer-folder';
import { LambdaInvoker } from './lambda-invoker';
import { databaseOptions, once, openLambdaRuntime } from './lambda-runtime';
import { fittingResult } from './result-bytes';

type Handler = (event: LambdaEvent, context: LambdaContext) => Promise<APIGatewayProxyStructuredResultV2>;

/** Stage-0 behind API Gateway HTTP API, payload format 2.0. */
export function createHandler(): Handler {
  const open = once(openStage0);
  const metrics = createMetrics();
  return async (event, context) => {
    const startedAtMs = Date.now();
    const result = await answer(open, event, context);
    measure(metrics, context, result.statusCode ?? 200, Date.now() - startedAtMs);
    return result;
  };
}

async function answer(
  open: () => ReturnType<typeof openStage0>,
  event: LambdaEvent,
  context: LambdaContext,
): Promise<APIGatewayProxyStructuredResultV2> {
  try {
    const { serve, refreshKeys, edge } = await open();
    const proof = event.headers?.[EDGE_HEADER];
    if (edge !== undefined && !(await edge.admits(typeof proof === 'string' ? proof : undefined)))
      return await bypassRefusal();
    await refreshKeys();
    return await fittingResult((await serve(event, context)) as APIGatewayProxyStructuredResultV2);
  } catch {
    return startFailure();
  }
}

/** Puts the metrics of a request, also of one that failed because Stage-0 could not start. */
function measure(metrics: Metrics, context: LambdaContext, status: number, durationMs: number): void {
  metrics.put({
    dimensions: {},
    metrics: [
      { name: 'RequestDuration', unit: 'Milliseconds', value: durationMs },
      ...(status >= 500 ? [{ name: 'RequestErrors', unit: 'Count', value: 1 } as const] : []),
    ],
    properties: { status, request_id: context.awsRequestId },
  });
}

async function openStage0() {
  const runtime = await openLambdaRuntime('stage0');
  const { database, keys, refreshKeys, logger, environment, secrets } = runtime;
  const { databaseReadHost: host, edgeSecretArn } = environment;
  const edge = edgeSecretArn === undefined ? undefined : await EdgeGuard.open(secrets, edgeSecretArn);
  const guard = new BootGuard(database, keys);
  const invoker = new LambdaInvoker(environment.kernelFunctions, logger);
  const { app } = assembleStage0({
    database,
    reader: host === undefined ? undefined : openReader({ ...databaseOptions('app', runtime), host }),
    keys,
    logger,
    oidc: environment.settings.oidc,
    corsOrigins: environment.settings.corsOrigins,
    explorer: environment.settings.explorer ? readExplorerFile : undefined,
    origin: environment.settings.origin,
    idempotencyDays: environment.settings.idempotencyDays,
    // No long polling by default: a function costs while it waits.
    maxWaitSeconds: environment.settings.maxWaitSeconds ?? 0,
    health: { ticks: expectedTicks() },
    functions: (writer) => new KernelFunctionStarter({ database, writer, guard, invoker }),
  });
  return { serve: handle(app), refreshKeys, edge };
}

/** Answers 503 instead of 500 when a secret cannot be read now, so that callers retry. */
function startFailure(): Promise<APIGatewayProxyStructuredResultV2> {
  return refusal(
    new UnavailableError('Stage-0 is starting; try again in a moment.', {
      retryAfterSeconds: 5,
      members: { began: false },
    }),
  );
}

/** The refusal of a call that bypassed the distribution and its firewall. */
function bypassRefusal(): Promise<APIGatewayProxyStructuredResultV2> {
  return refusal(new ForbiddenError('This address answers its distribution only; call that one.'));
}

async function refusal(error: LogLineError): Promise<APIGatewayProxyStructuredResultV2> {
  const response = problemResponse(error);
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}
