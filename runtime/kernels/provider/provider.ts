import type { JsonObject, JsonValue, SignedSpan } from '../../base/span';
import { isObject, objectOf } from '../json';
import type { KernelError } from '../kernel-context';

/** The wire format of a provider. */
export type ProviderKind = 'openai' | 'anthropic' | 'ollama' | 'http';

/** An external service, as the metadata of a `provider` span describes it. */
export interface Provider {
  readonly id: string;
  readonly seq: number;
  readonly name: string;
  /** The provider's own tenant, whose keys `secret` refers to. */
  readonly tenant: string;
  readonly kind: ProviderKind;
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** Appended to `baseUrl`; may have a query. Defaults to that of the kind. */
  readonly path: string | undefined;
  readonly model: string | undefined;
  /** Name of an API key in the secret store. */
  readonly secret: string | undefined;
  /** One attempt, body included. Defaults to 30,000. */
  readonly timeoutMs: number;
  /** Defaults to 500,000, which is also the most. */
  readonly maxResponseBytes: number;
  /** Most attempts of one call. Defaults to 3. */
  readonly maxAttempts: number;
  /** Members of the request's body that the provider's owner sets; they take precedence over the caller's. */
  readonly parameters: JsonObject;
  /** Lower-case names. `{{secret}}` in a value stands for the API key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the output includes the service's whole answer as `raw`. Defaults to false. */
  readonly includeRaw: boolean;
  /** For the kind `http`. Defaults to POST. */
  readonly method: string;
  /** For the kind `http`: templates in which `{{input.city}}` stands for a part of the input. */
  readonly query: JsonObject;
  readonly body: JsonValue | undefined;
}

/** An error that becomes the outcome of the kernel. */
export class Refusal extends Error {
  readonly kernelError: KernelError;

  constructor(code: KernelError['code'], message: string, more: Omit<KernelError, 'code' | 'message'> = {}) {
    super(message);
    this.kernelError = { code, message, ...more };
  }
}

const SECRET = '{{secret}}';
/** Most bytes of an input, and of an answer; together they fit into a span of 1 MiB. */
export const MAX_STORED_BYTES = 500_000;
const KINDS: readonly ProviderKind[] = ['openai', 'anthropic', 'ollama', 'http'];
const DEFAULT_BASE_URL: Readonly<Record<ProviderKind, string | undefined>> = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com',
  ollama: 'http://127.0.0.1:11434',
  http: undefined,
};
const SECRET_HEADERS: Readonly<Record<ProviderKind, readonly [string, string]>> = {
  openai: ['authorization', `Bearer ${SECRET}`],
  anthropic: ['x-api-key', SECRET],
  ollama: ['authorization', `Bearer ${SECRET}`],
  http: ['authorization', `Bearer ${SECRET}`],
};
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const SECRET_NAME = /^[\w-]{1,64}$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/;
/** Headers of the connection, which a provider cannot set. */
const CONNECTION_HEADER =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|upgrade|expect|te|trailer|accept-encoding|proxy-.*)$/;
/** Headers whose value is a key, which must not be in a span. */
const KEY_HEADER =
  /(?:^|[-_])(?:authorization|cookie|token|secret|password|api[-_]?key|(?:access|auth|subscription)[-_]key)(?:$|[-_])/;

/**
 * Reads the metadata of a provider span.
 * @throws Refusal `malformed` that lists every fault
 */
export function parseProvider(span: SignedSpan): Provider {
  const reader = new MetadataReader(objectOf(span.metadata));
  const kind = reader.oneOf('kind', KINDS, undefined) ?? 'http';
  const secret = reader.text(
    'secret',
    SECRET_NAME,
    '1 to 64 letters, digits, _ or -: the name of a key, not the key',
  );
  const method = reader.oneOf('method', METHODS, 'POST') ?? 'POST';
  const path = reader.text('path', /^\/[^\s#]*$/, 'a path that begins with /');
  const query = reader.object('query');
  const body = reader.metadata.body;
  if (JSON.stringify([path ?? null, query, body ?? null]).includes(SECRET)) {
    reader.fault('headers', `${SECRET} may stand in a header only; elsewhere it would end up in logs`);
  }
  const provider: Provider = {
    id: span.id,
    seq: span.seq,
    name: span.name ?? span.id,
    tenant: span.tenant_id,
    kind,
    baseUrl: reader.baseUrl(DEFAULT_BASE_URL[kind]),
    path,
    model: reader.text('model', /^\S.{0,199}$/, 'the name of a model'),
    secret,
    timeoutMs: reader.integer('timeout_ms', 1, 110_000, 30_000),
    maxResponseBytes: reader.integer('max_response_bytes', 1, MAX_STORED_BYTES, MAX_STORED_BYTES),
    maxAttempts: reader.integer('max_attempts', 1, 5, 3),
    parameters: reader.object('parameters'),
    headers: reader.headers(kind, secret),
    includeRaw: reader.metadata.include_raw === true,
    method,
    query,
    body,
  };
  if (reader.faults.length === 0) return provider;
  throw new Refusal(
    'malformed',
    `The provider ${provider.name} cannot be used: ${reader.faults.join('; ')}.`,
  );
}

/** The headers with `{{secret}}` replaced by the API key. */
export function withSecret(headers: Provider['headers'], key: string | undefined): Record<string, string> {
  if (key === undefined) return { ...headers };
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replaceAll(SECRET, () => key)]),
  );
}

/** Reads and checks members one by one, collecting faults. */
class MetadataReader {
  readonly metadata: JsonObject;
  readonly faults: string[] = [];

  constructor(metadata: JsonObject) {
    this.metadata = metadata;
  }

  fault(member: string, detail: string): void {
    this.faults.push(`metadata.${member}: ${detail}`);
  }

  text(member: string, pattern: RegExp, expected: string): string | undefined {
    const value = this.metadata[member] ?? undefined;
    if (value === undefined || (typeof value === 'string' && pattern.test(value))) return value;
    this.fault(member, `expected ${expected}`);
    return undefined;
  }

  oneOf<Value extends string>(
    member: string,
    values: readonly Value[],
    fallback: Value | undefined,
  ): Value | undefined {
    const value = this.metadata[member] ?? fallback;
    const known = values.find((one) => one === value);
    if (known === undefined) this.fault(member, `expected one of ${values.join(', ')}`);
    return known;
  }

  integer(member: string, least: number, most: number, fallback: number): number {
    const value = this.metadata[member] ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    this.fault(member, `expected a whole number from ${least} to ${most}`);
    return fallback;
  }

  object(member: string): JsonObject {
    const value = this.metadata[member] ?? {};
    if (isObject(value)) return value;
    this.fault(member, 'expected an object');
    return {};
  }

  baseUrl(fallback: string | undefined): string {
    const value = this.metadata.base_url ?? fallback;
    const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) {
      this.fault('base_url', 'expected an http or https URL, such as https://api.openai.com/v1');
    } else if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      this.fault('base_url', 'no user, password, query or fragment may be in it');
    }
    return (url?.href ?? '').replace(/[?#].*$/, '').replace(/\/+$/, '');
  }

  headers(kind: ProviderKind, secret: string | undefined): Record<string, string> {
    const given: [string, string][] = [];
    for (const [name, value] of Object.entries(this.object('headers'))) {
      const header = name.toLowerCase();
      const member = `headers.${name}`;
      if (!HEADER_NAME.test(header)) this.fault(member, 'is no name of a header');
      else if (CONNECTION_HEADER.test(header))
        this.fault(member, 'belongs to the connection and cannot be set');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these would end the header
      else if (typeof value !== 'string' || /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/.test(value)) {
        this.fault(member, 'expected a text without control characters');
      } else if (KEY_HEADER.test(header) && !value.includes(SECRET)) {
        this.fault(
          member,
          `a key does not belong into a span: put it into the secret store and write ${SECRET}`,
        );
      } else given.push([header, value]);
    }
    const usesSecret = given.some(([, value]) => value.includes(SECRET));
    if (usesSecret && secret === undefined) this.fault('secret', `is missing, but a header says ${SECRET}`);
    if (!usesSecret && secret !== undefined) given.push([...SECRET_HEADERS[kind]]);
    return Object.fromEntries(given);
  }
}
