import type { Caller } from '../auth';
import type { Answer } from './answer';
import type { OperationName } from './route-table';
import type { Stage0 } from './stage0';

/** A request that passed authentication and authorisation. */
export interface RouteRequest {
  readonly request: Request;
  readonly caller: Caller | undefined;
  /** Path parameters, decoded. */
  readonly path: Readonly<Record<string, string>>;
  /** W3C trace id of the request. */
  readonly traceId: string;
  /** Id of the request's span in that trace; undefined when traces are not collected. */
  readonly spanId: string | undefined;
  /** The trace that the caller named; undefined without one. */
  readonly givenTraceId: string | undefined;
}

/** Answers one operation, or throws a LogLineError. */
export type Handler = (stage0: Stage0, request: RouteRequest) => Promise<Answer>;

/** One handler for each operation of the route table. */
export type Handlers = Readonly<Record<OperationName, Handler>>;
