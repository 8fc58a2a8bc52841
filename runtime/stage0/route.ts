import type { Scope } from '../auth/scope';

/** One route of the API, for the router, the OpenAPI document and API Gateway. */
export interface Route {
  /** Its name: of its handler, in the OpenAPI document and in logs. */
  readonly operation: string;
  readonly method: 'GET' | 'POST';
  /** With `{parameters}`, as OpenAPI and API Gateway write them; `{name+}` is the whole rest of the path. */
  readonly path: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** What a caller has to know in addition to the schemas. */
  readonly description: string;
  /** Group in the OpenAPI document. */
  readonly tag: RouteTag;
  /** Scope a token must carry. Without a token the route answers as to nobody, unless `tokenNeeded`. */
  readonly scope?: Scope;
  /** Defaults to false. */
  readonly tokenNeeded?: boolean;
  readonly pathSchema?: object;
  readonly querySchema?: object;
  /** Media type → the schema of the body, or an example where no schema is given. */
  readonly body?: {
    readonly [mediaType: string]: { readonly schema: object } | { readonly example: object };
  };
  readonly headers?: readonly {
    readonly name: string;
    readonly description: string;
    /** What its value has to match. Defaults to any text. */
    readonly pattern?: string;
  }[];
  /** Status → what it means and the schema of the answer. */
  readonly answers: {
    readonly [status: number]: {
      readonly description: string;
      readonly schema: object;
      /** Other media types, each of which is answered as text or bytes. Defaults to none beside JSON. */
      readonly raw?: readonly string[];
    };
  };
  /** Error statuses beside 500 and 503. */
  readonly errors: readonly number[];
}

/** Groups of routes, and what each is for. */
export const ROUTE_TAGS = {
  spans: 'Append, list and read spans.',
  log: 'Proofs that nothing was removed or re-ordered.',
  functions: 'Run code of the ledger.',
  instance: 'The instance, its keys and health, and the caller.',
} as const;

export type RouteTag = keyof typeof ROUTE_TAGS;
