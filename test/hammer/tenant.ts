/** Time limit in milliseconds, longer than the longest run. */
const ANSWERED_WITHIN_MS = 60_000;

/** A tenant that calls the API. */
export class Tenant {
  readonly url: string;
  readonly token: string;
  readonly #functions = new Map<string, Promise<string>>();

  constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  /** @returns the status; 599 when there was no answer within a minute. */
  async post(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<number> {
    return (await this.#call('/api/spans', { body, headers })).status;
  }

  async get(target: string, isAnonymous = false): Promise<number> {
    return (await this.#call(target, { isAnonymous })).status;
  }

  /** Runs `async function main(ctx, input) { code }`, which is appended at its first call. */
  async execute(
    code: string,
    headers: Readonly<Record<string, string>> = {},
    input: unknown = null,
  ): Promise<number> {
    const known = this.#functions.get(code) ?? this.#append(code);
    this.#functions.set(code, known);
    return (await this.#call(`/api/execute/${await known}`, { body: { input }, headers })).status;
  }

  async #append(code: string): Promise<string> {
    const id = crypto.randomUUID();
    const text = `async function main(ctx, input) { ${code} }`;
    await this.post({ id, entity_type: 'function', who: 'noisy', this: 'function', code: text });
    return id;
  }

  async #call(
    target: string,
    {
      body,
      headers = {},
      isAnonymous = false,
    }: { body?: unknown; headers?: Readonly<Record<string, string>>; isAnonymous?: boolean },
  ): Promise<{ status: number }> {
    try {
      const response = await fetch(`${this.url}${target}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...(isAnonymous ? {} : { authorization: `Bearer ${this.token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        signal: AbortSignal.timeout(ANSWERED_WITHIN_MS),
        ...(body === undefined ? {} : { body: bodyOf(body) }),
      });
      await response.arrayBuffer();
      return { status: response.status };
    } catch {
      return { status: 599 };
    }
  }
}

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}
