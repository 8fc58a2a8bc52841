import { lookup } from 'node:dns/promises';
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { readStorableJson, storableText } from '../json/storable';
import type { OutgoingRequest, OutgoingResponse } from '../kernels/kernel-context';
import { bare, hostnameOf, mayConnect, portOf, ruleFor } from './address-policy';

/** One address of a host name. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface OutgoingHttpOptions {
  /** Every address of a host name. Defaults to the system's resolver (hosts file, then DNS). */
  readonly resolve?: (hostname: string) => Promise<readonly ResolvedAddress[]>;
  /** PEM certificates to trust instead of those that Node brings, for tests. */
  readonly ca?: string;
}

type Refusal = Extract<OutgoingResponse, { readonly ok: false }>;
type RefusalCode = Refusal['code'];

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Headers that belong to the connection or are set here. */
const OWN_HEADERS =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|upgrade|expect|te|trailer|accept-encoding|proxy-.*)$/i;
/** How long one address gets before the next is tried; Node's own 250 ms gives up on far-away hosts. */
const ATTEMPT_MS = 500;

/**
 * The `fetch` of provider_exec's context. It connects to hosts of the allow-list only, checks every address that a name
 * resolves to, and connects to those addresses without resolving again (DNS rebinding). It follows no redirect, uses no
 * proxy, and bounds time and size of the whole exchange.
 *
 * It never throws; a refusal's message has the host and the reason, never headers, path or body.
 */
export function createOutgoingHttp(
  options: OutgoingHttpOptions = {},
): (request: OutgoingRequest, allowedHosts: readonly string[]) => Promise<OutgoingResponse> {
  const resolve = options.resolve ?? resolveBySystem;
  return async (request, allowedHosts) => {
    const url = readUrl(request.url);
    if (url === undefined || !METHODS.has(request.method)) {
      return refusal(
        'bad_url',
        'The URL must be http or https without credentials, and the method a usual one.',
      );
    }
    const authority = `${hostnameOf(url)}:${portOf(url)}`;
    const rule = ruleFor(url, allowedHosts);
    if (rule === undefined) {
      return refusal(
        'host_not_allowed',
        `${url.protocol}//${authority} is not on the manifest's list of provider hosts.`,
      );
    }
    const deadline = startDeadline(request.timeoutMs, authority);
    try {
      const addresses = await Promise.race([addressesOf(bare(rule.hostname), resolve), deadline.passed]);
      if (!Array.isArray(addresses)) return addresses;
      if (addresses.length === 0) return refusal('unreachable', `${authority} has no address.`);
      if (!addresses.every(({ address }) => mayConnect(rule, address))) {
        return refusal(
          'address_not_allowed',
          `${authority} leads to an address that its entry in the manifest does not allow.`,
        );
      }
      return await exchange({ request, url, authority, addresses, deadline, ca: options.ca });
    } catch (error) {
      return refusal('unreachable', `${authority} cannot be reached (${reasonOf(error)}).`);
    } finally {
      deadline.clear();
    }
  };
}

function readUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:';
  return isHttp && url.username === '' && url.password === '' ? url : undefined;
}

async function resolveBySystem(hostname: string): Promise<readonly ResolvedAddress[]> {
  const answers = await lookup(hostname, { all: true, order: 'verbatim' });
  return answers.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

async function addressesOf(
  hostname: string,
  resolve: NonNullable<OutgoingHttpOptions['resolve']>,
): Promise<ResolvedAddress[]> {
  const family = isIP(hostname);
  if (family !== 0) return [{ address: hostname, family: family === 6 ? 6 : 4 }];
  return [...(await resolve(hostname))];
}

/** Nesting level of the answer within a span: a member of its output. */
const ANSWER_DEPTH = 3;

interface Deadline {
  /** Resolves, with the refusal, when the time is up. */
  readonly passed: Promise<Refusal>;
  clear(): void;
}

function startDeadline(timeoutMs: number, authority: string): Deadline {
  const { promise, resolve } = Promise.withResolvers<Refusal>();
  const timer = setTimeout(() => {
    resolve(refusal('timeout', `${authority} did not answer completely within ${timeoutMs} ms.`));
  }, timeoutMs);
  return { passed: promise, clear: () => clearTimeout(timer) };
}

interface Exchange {
  readonly request: OutgoingRequest;
  readonly url: URL;
  readonly authority: string;
  readonly addresses: readonly ResolvedAddress[];
  readonly deadline: Deadline;
  readonly ca: string | undefined;
}

/** One request on a new connection; the first event that ends it decides the outcome. */
function exchange(each: Exchange): Promise<OutgoingResponse> {
  const { request, url, authority, deadline } = each;
  return new Promise((resolve) => {
    const { request: open } = url.protocol === 'https:' ? https : http;
    const outgoing = open(requestOptions(each));
    const settle = (outcome: OutgoingResponse): void => {
      resolve(outcome);
      outgoing.destroy();
    };
    // Once there is a response, the response's own events decide.
    let isAnswered = false;
    const settleUnanswered = (message: string): void => {
      if (!isAnswered) settle(refusal('unreachable', message));
    };
    void deadline.passed.then(settle);
    outgoing.on('error', (error) => settleUnanswered(`${authority} cannot be reached (${reasonOf(error)}).`));
    // A switch of protocols and a connection that closes without an answer end here.
    outgoing.on('close', () => settleUnanswered(`${authority} closed the connection without an answer.`));
    outgoing.on('response', (response) => {
      isAnswered = true;
      void readResponse(response, each).then(settle);
    });
    outgoing.end(request.body);
  });
}

function requestOptions({ request, url, addresses, ca }: Exchange): RequestOptions {
  const given = Object.entries(request.headers).filter(([name]) => !OWN_HEADERS.test(name));
  const length = request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) };
  const hostname = bare(hostnameOf(url));
  const connection = {
    keepAlive: false,
    // An empty environment: no proxy, whatever HTTP_PROXY or NODE_USE_ENV_PROXY say.
    proxyEnv: {},
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
    lookup: pinnedTo(addresses),
    ...(ca === undefined ? {} : { ca }),
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
  };
  return {
    protocol: url.protocol,
    hostname,
    port: portOf(url),
    path: `${url.pathname}${url.search}`,
    method: request.method,
    headers: { ...Object.fromEntries(given), ...length, host: url.host, 'accept-encoding': 'identity' },
    agent: url.protocol === 'https:' ? new https.Agent(connection) : new http.Agent(connection),
  };
}

/** A DNS lookup that always returns the checked addresses. */
function pinnedTo(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses;
    if (options.all || first === undefined) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

async function readResponse(
  response: IncomingMessage,
  { request, authority }: Exchange,
): Promise<OutgoingResponse> {
  const { maxResponseBytes: maxBytes } = request;
  const { statusCode: status = 0, headers } = response;
  // Taken before anything else: a response without a listener for its error would end the process.
  response.on('error', () => undefined);
  if (status >= 300 && status < 400) {
    return refusal(
      'redirect',
      `${authority} answered with a redirect (${status}); redirects are not followed.`,
    );
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    return refusal('unreachable', `${authority} compressed its answer, which was not asked for.`);
  const tooLarge = refusal('too_large', `${authority} answered with more than ${maxBytes} bytes.`);
  if (Number(headers['content-length'] ?? 0) > maxBytes && request.method !== 'HEAD') return tooLarge;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      if (!Buffer.isBuffer(chunk)) continue;
      bytes += chunk.length;
      if (bytes > maxBytes) return tooLarge;
      chunks.push(chunk);
    }
  } catch {
    return refusal('truncated', `${authority} broke off in the middle of its answer.`);
  }
  if (!response.complete) return refusal('truncated', `${authority} broke off in the middle of its answer.`);
  const text = Buffer.concat(chunks).toString('utf8');
  return {
    ok: true,
    status,
    headers: plainHeaders(response),
    body: storableText(text),
    json: readStorableJson(text, ANSWER_DEPTH),
  };
}

/** Headers with lower-case names, without cookies. */
function plainHeaders({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}

function refusal(code: RefusalCode, message: string): Refusal {
  return { ok: false, code, message };
}

/** The code of a system error. Its message is left out, since it may contain addresses and sent data. */
function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown reason';
}
