import { type Context, Hono } from 'hono';
import type { Caller } from '../auth';
import { MethodNotAllowedError, NotFoundError } from '../base/errors';
import { NOBODY } from '../base/identity';
import { pooledRandomHex } from '../crypto/random-pool';
import { LineBudget } from '../log/line-budget';
import { type Answer, responseOf } from './answer';
import { compressed } from './answer-encoding';
import { appendSpans } from './append-spans';
import { authenticate, authorize, identityOf, tenantBefore } from './authenticate';
import { compareImport } from './compare-import';
import { corsHeaders, preflightHeaders } from './cors';
import { executeFunction } from './execute-function';
import { serveExplorer } from './explorer';
import { freezeTenant, thawTenant } from './freeze-tenant';
import type { Handlers } from './handlers';
import { importSpans } from './import-spans';
import { listTimeline } from './list-timeline';
import { importWork, readWork } from './move-work';
import { asCallerError, problemAnswer } from './problem';
import { readHealth } from './read-health';
import { readKeys } from './read-keys';
import { readCheckpoint, readConsistency, readTile } from './read-log';
import { readManifest } from './read-manifest';
import { readMe } from './read-me';
import { readOpenApi } from './read-open-api';
import { readProof } from './read-proof';
import { readSpan } from './read-span';
import { readStatus } from './read-status';
import { responseHeaders } from './response-headers';
import type { Route } from './route';
import { type ListedRoute, ROUTES } from './route-table';
import type { Stage0 } from './stage0';
import { traceIdOf } from './trace-id';

const HANDLERS: Handlers = {
  appendSpans,
  importSpans,
  compareImport,
  readWork,
  importWork,
  freezeTenant,
  thawTenant,
  listTimeline,
  readSpan,
  readManifest,
  readProof,
  readCheckpoint,
  readConsistency,
  readTile,
  executeFunction,
  readHealth,
  readKeys,
  readMe,
  readStatus,
  readOpenApi,
};

/** A line of a request takes 300 bytes: a busy run would write gigabytes an hour. */
const REQUEST_LINES_PER_SECOND = 200;

/** What any request costs, in bytes of JSON that could be worked on in that time: 20 of them fill a turn. */
const REQUEST_BYTES = 3 * 1024;

/** The API as one `fetch` function, the same behind the local server and API Gateway. */
export function createApp(stage0: Stage0): Hono {
  const app = new Hono();
  const lines = new LineBudget(REQUEST_LINES_PER_SECOND, (skipped) =>
    stage0.logger.info({ function: 'stage0', skipped }, 'more requests than lines in a second'),
  );
  for (const route of ROUTES)
    app.on(route.method, honoPath(route), (context) => serve(stage0, route, context, lines));
  if (stage0.explorer !== undefined) serveExplorer(app, stage0.explorer);
  answerOtherMethods(app, stage0);
  app.notFound((context) =>
    answerError(stage0, context, new NotFoundError('There is no such route; see /openapi.json.')),
  );
  app.onError((error, context) => answerError(stage0, context, error));
  const answer = app.fetch;
  app.fetch = (request, ...rest) => {
    // Also for what is refused or not found: a thousand callers of these would keep the thread from everybody else.
    const tenant = tenantBefore(request.headers.get('authorization'), stage0.tokens);
    const turn = stage0.fairness.turns.take(tenant, REQUEST_BYTES);
    return turn === undefined ? answer(request, ...rest) : turn.then(() => answer(request, ...rest));
  };
  return app;
}

/** `{id}` of the table is `:id` of Hono, `{rest+}` is `:rest{.+}`. */
function honoPath({ path }: Route): string {
  return path.replaceAll(/\{(\w+)\+\}/g, ':$1{.+}').replaceAll(/\{(\w+)\}/g, ':$1');
}

async function serve(
  stage0: Stage0,
  route: ListedRoute,
  context: Context,
  lines: LineBudget,
): Promise<Response> {
  const started = performance.now();
  const request = context.req.raw;
  const givenTraceId = traceIdOf(request);
  const traceId = givenTraceId ?? pooledRandomHex(16);
  const spanId = stage0.newSpanId?.();
  const requestId = requestIdOf(request);
  let caller: Caller | undefined;
  let answer: Answer;
  let failure: unknown;
  try {
    // Routes that answer everybody alike do not check the token.
    if (route.scope !== undefined || route.tokenNeeded) caller = await authenticate(request, stage0.tokens);
    authorize(caller, route);
    answer = await HANDLERS[route.operation](stage0, {
      request,
      caller,
      path: context.req.param(),
      traceId,
      spanId,
      givenTraceId,
    });
  } catch (error) {
    const known = asCallerError(error);
    if (known.status >= 500) failure = known.cause ?? known;
    answer = problemAnswer(known);
  }
  const { status } = answer;
  const durationMs = Math.round((performance.now() - started) * 100) / 100;
  if (lines.take()) {
    stage0.logger[status >= 500 ? 'error' : 'info'](
      {
        request_id: requestId,
        trace_id: traceId,
        function: 'stage0',
        operation: route.operation,
        tenant: caller?.tenant,
        status,
        outcome: status < 400 ? 'ok' : 'refused',
        duration_ms: durationMs,
        ...(failure === undefined ? {} : { err: failure }),
      },
      'request',
    );
  }
  const { operation, method, path } = route;
  stage0.onRequest?.({
    operation,
    method,
    route: path,
    status,
    durationMs,
    traceId,
    spanId,
    traceparent: request.headers.get('traceparent'),
  });
  return respond(stage0, request, answer, { requestId, tenant: identityOf(caller).tenant });
}

/** Every answer of the API leaves through here. */
async function respond(
  stage0: Stage0,
  request: Request,
  answer: Answer,
  { requestId = requestIdOf(request), tenant = NOBODY.tenant } = {},
): Promise<Response> {
  const cors = corsHeaders(request, stage0.corsOrigins ?? []);
  const vary = (stage0.corsOrigins ?? []).length > 0 ? { vary: `${VARY}, Origin` } : { vary: VARY };
  const headers = responseHeaders(answer, { ...vary, ...cors, 'x-request-id': requestId });
  return responseOf(
    await compressed({ ...answer, headers }, request, { compressions: stage0.fairness.compressions, tenant }),
  );
}

const VARY = 'Authorization, Accept-Encoding';

function answerOtherMethods(app: Hono, stage0: Stage0): void {
  for (const path of new Set(ROUTES.map(honoPath))) {
    const methods: string[] = ROUTES.filter((route) => honoPath(route) === path).map(({ method }) => method);
    if (methods.includes('GET')) methods.push('HEAD');
    methods.push('OPTIONS');
    const allow = methods.join(', ');
    app.options(path, ({ req }) => {
      const preflight = preflightHeaders(req.raw, stage0.corsOrigins ?? [], methods);
      return respond(stage0, req.raw, { status: 204, headers: { allow, ...preflight }, text: '' });
    });
    app.all(path, ({ req }) => {
      const { headers, ...problem } = problemAnswer(new MethodNotAllowedError(`This route takes ${allow}.`));
      return respond(stage0, req.raw, { ...problem, headers: { ...headers, allow } });
    });
  }
}

function answerError(stage0: Stage0, context: Context, error: unknown): Promise<Response> {
  const known = asCallerError(error);
  if (known.status >= 500)
    stage0.logger.error({ err: known.cause ?? known, path: context.req.path }, 'unhandled');
  return respond(stage0, context.req.raw, problemAnswer(known));
}

function requestIdOf(request: Request): string {
  const given = request.headers.get('x-request-id') ?? '';
  return /^[\w-]{1,64}$/.test(given) ? given : pooledRandomHex(8);
}
