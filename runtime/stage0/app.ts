import { type Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import type { Caller } from '../auth';
import { MethodNotAllowedError, NotFoundError } from '../base/errors';
import { pooledRandomHex } from '../crypto/random-pool';
import { type Answer, responseOf } from './answer';
import { appendSpans } from './append-spans';
import { authenticate, authorize } from './authenticate';
import { CORS_HEADERS } from './cors-headers';
import { executeFunction } from './execute-function';
import { serveExplorer } from './explorer';
import type { Handlers } from './handlers';
import { listTimeline } from './list-timeline';
import { asCallerError, problemAnswer, problemResponse } from './problem';
import { readHealth } from './read-health';
import { readManifest } from './read-manifest';
import { readOpenApi } from './read-open-api';
import { readSpan } from './read-span';
import { ROUTES, type Route } from './route-table';
import type { Stage0 } from './stage0';

const HANDLERS: Handlers = {
  appendSpans,
  listTimeline,
  readSpan,
  readManifest,
  executeFunction,
  readHealth,
  readOpenApi,
};

/** The API as one `fetch` function, the same behind the local server and API Gateway. */
export function createApp(stage0: Stage0): Hono {
  const app = new Hono();
  if (stage0.corsOrigins !== undefined && stage0.corsOrigins.length > 0) {
    app.use(
      '*',
      cors({
        origin: [...stage0.corsOrigins],
        allowHeaders: [...CORS_HEADERS.allowed],
        exposeHeaders: [...CORS_HEADERS.exposed],
        maxAge: 600,
      }),
    );
  }
  for (const route of ROUTES)
    app.on(route.method, honoPath(route), (context) => serve(stage0, route, context));
  refuseOtherMethods(app);
  if (stage0.explorer !== undefined) serveExplorer(app, stage0.explorer);
  app.notFound((context) =>
    answerError(stage0, context, new NotFoundError('There is no such route; see /openapi.json.')),
  );
  app.onError((error, context) => answerError(stage0, context, error));
  return app;
}

/** `{id}` of the table is `:id` of Hono. */
function honoPath({ path }: Route): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

async function serve(stage0: Stage0, route: Route, context: Context): Promise<Response> {
  const started = performance.now();
  const traceId = traceIdOf(context.req.raw);
  const requestId = requestIdOf(context.req.raw);
  let caller: Caller | undefined;
  let answer: Answer;
  let failure: unknown;
  try {
    caller = await authenticate(context.req.raw, stage0.tokens);
    authorize(caller, route);
    answer = await HANDLERS[route.operation](stage0, {
      request: context.req.raw,
      caller,
      path: context.req.param(),
      traceId,
    });
  } catch (error) {
    const known = asCallerError(error);
    if (known.status >= 500) failure = known.cause ?? known;
    answer = problemAnswer(known);
  }
  const { status } = answer;
  stage0.logger[status >= 500 ? 'error' : 'info'](
    {
      request_id: requestId,
      trace_id: traceId,
      function: 'stage0',
      operation: route.operation,
      tenant: caller?.tenant,
      status,
      outcome: status < 400 ? 'ok' : 'refused',
      duration_ms: Math.round((performance.now() - started) * 100) / 100,
      ...(failure === undefined ? {} : { err: failure }),
    },
    'request',
  );
  return responseOf(answer, { 'x-request-id': requestId });
}

function refuseOtherMethods(app: Hono): void {
  for (const path of new Set(ROUTES.map(honoPath))) {
    const methods = ROUTES.filter((route) => honoPath(route) === path).map(({ method }) => method);
    app.all(path, () => {
      const allow = methods.join(', ');
      return problemResponse(new MethodNotAllowedError(`This route takes ${allow}.`), { allow });
    });
  }
}

function answerError(stage0: Stage0, context: Context, error: unknown): Response {
  const known = asCallerError(error);
  if (known.status >= 500)
    stage0.logger.error({ err: known.cause ?? known, path: context.req.path }, 'unhandled');
  return problemResponse(known);
}

/** The trace that the caller is part of (W3C Trace Context), or a new one. */
function traceIdOf(request: Request): string {
  const [, traceId] =
    /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(request.headers.get('traceparent') ?? '') ??
    [];
  return traceId !== undefined && !/^0+$/.test(traceId) ? traceId : pooledRandomHex(16);
}

function requestIdOf(request: Request): string {
  const given = request.headers.get('x-request-id') ?? '';
  return /^[\w-]{1,64}$/.test(given) ? given : pooledRandomHex(8);
}
