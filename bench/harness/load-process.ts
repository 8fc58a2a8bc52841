import { answerCalls } from './helper-process';
import { httpRequest, type LoadOutcome, runLoad } from './http-load';
import { type BodyKind, requestBody } from './sample-spans';
import { quantile } from './statistics';

// HTTP callers in a process of their own. Returns quantiles rather than all latencies.

/** Callers that post spans. */
export interface PostLoad {
  readonly port: number;
  /** Tokens of the callers, in rotation. */
  readonly tokens: readonly string[];
  readonly callers: number;
  readonly kind: BodyKind;
  readonly spansPerRequest: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly maxRequests?: number;
}

/** Callers that send these requests in rotation. */
export interface RequestLoad {
  readonly port: number;
  readonly callers: number;
  readonly requests: readonly {
    readonly method: 'GET' | 'POST';
    readonly path: string;
    readonly token?: string;
    /** JSON. */
    readonly body?: string;
  }[];
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly maxRequests?: number;
}

/** Rate and latency quantiles of a load. */
export interface LoadSummary {
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly statuses: Readonly<Record<string, number>>;
}

/** Number of different bodies, so that no cache of a repeated body is measured. */
const DISTINCT_SPANS = 2_000;

function postRequests({ tokens, kind, spansPerRequest }: PostLoad): Buffer[] {
  const count = Math.max(tokens.length, Math.ceil(DISTINCT_SPANS / spansPerRequest));
  return Array.from({ length: count }, (_, index) => {
    const { text, mediaType } = requestBody(kind, spansPerRequest, index * spansPerRequest);
    const authorization = `Bearer ${tokens[index % tokens.length]}`;
    return httpRequest('POST', '/api/spans', { 'content-type': mediaType, authorization }, text);
  });
}

function summary({ requests, seconds, latenciesMs, statuses }: LoadOutcome): LoadSummary {
  return {
    requests,
    seconds,
    perSecond: requests / seconds,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    maxMs: quantile(latenciesMs, 1),
    statuses,
  };
}

answerCalls({
  post: async (load: PostLoad) => summary(await runLoad({ ...load, requests: postRequests(load) })),
  send: async (load: RequestLoad) =>
    summary(
      await runLoad({
        ...load,
        requests: load.requests.map(({ method, path, token, body }) =>
          httpRequest(
            method,
            path,
            {
              ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
              ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            },
            body,
          ),
        ),
      }),
    ),
});
