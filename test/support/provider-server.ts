import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the provider received it. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any;
}

/** A fault that the server injects in place of an answer. */
export type Misbehaviour =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** Never answers. */
  | { readonly kind: 'silent' }
  /** Sends less than its content-length, then closes. */
  | { readonly kind: 'truncated' }
  /** Closes without an answer. */
  | { readonly kind: 'hangs_up' }
  /** Sends this many bytes without a content-length. */
  | { readonly kind: 'oversized'; readonly bytes: number }
  /** Sends headers and a first chunk, then stalls. */
  | { readonly kind: 'stalls' };

/** A local server that speaks the wire formats of OpenAI, Anthropic and Ollama. */
export interface ProviderServer {
  readonly port: number;
  readonly requests: readonly ReceivedRequest[];
  /** Injects faults into the next requests, one each. */
  next(...misbehaviours: readonly Misbehaviour[]): void;
  /** Clears recorded requests and pending faults. */
  reset(): void;
  close(): Promise<void>;
}

/** Accepted key; others get 401 in the service's format. */
export const GOOD_KEY = 'sk-test-4f0c7e1d9b8a';

export async function startProviderServer(): Promise<ProviderServer> {
  const requests: ReceivedRequest[] = [];
  const queue: Misbehaviour[] = [];
  const server = createServer((request, response) => {
    void receive(request).then((received) => {
      requests.push(received);
      const misbehaviour = queue.shift();
      if (misbehaviour === undefined) answer(received, response);
      else misbehave(misbehaviour, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    next: (...misbehaviours) => void queue.push(...misbehaviours),
    reset() {
      requests.length = 0;
      queue.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function receive(request: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

function answer(request: ReceivedRequest, response: ServerResponse): void {
  const [path] = request.path.split('?');
  if (path?.endsWith('/chat/completions')) answerAsOpenAi(request, response);
  else if (path?.endsWith('/v1/messages')) answerAsAnthropic(request, response);
  else if (path === '/api/chat') answerAsOllama(request, response);
  else
    send(response, 200, {
      method: request.method,
      path: request.path,
      headers: request.headers,
      body: request.body ?? null,
    });
}

/** POST /v1/chat/completions: the answer and the errors of OpenAI's API reference. */
function answerAsOpenAi({ headers, body }: ReceivedRequest, response: ServerResponse): void {
  const key = headers.authorization?.replace(/^Bearer /, '') ?? '';
  if (key !== GOOD_KEY) {
    send(response, 401, {
      error: {
        message: `Incorrect API key provided: ${key}. You can find your API key at https://platform.openai.com/account/api-keys.`,
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
      },
    });
    return;
  }
  send(response, 200, {
    id: 'chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT',
    object: 'chat.completion',
    created: 1741569952,
    model: `${body.model}-2025-04-14`,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: replyTo(body.messages), refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: {
      prompt_tokens: 19,
      completion_tokens: 10,
      total_tokens: 29,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 0,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    service_tier: 'default',
  });
}

/** POST /v1/messages with its two required headers and its required `max_tokens`. */
function answerAsAnthropic(request: ReceivedRequest, response: ServerResponse): void {
  const fault = anthropicFault(request);
  if (fault !== undefined) {
    const error = { type: fault.type, message: fault.message };
    send(response, fault.status, { type: 'error', error, request_id: 'req_011CSHoEeqs5C35K2UUqR7Fy' });
    return;
  }
  const { body } = request;
  send(response, 200, {
    id: 'msg_013Zva2CMHLNnXjNJJKqJ2EF',
    type: 'message',
    role: 'assistant',
    model: body.model,
    content: [
      { type: 'text', text: replyTo(body.messages), citations: null },
      { type: 'text', text: '' },
    ],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 12,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 2048,
      output_tokens: 503,
      service_tier: 'standard',
    },
  });
}

function anthropicFault({ headers, body }: ReceivedRequest) {
  const invalid = (message: string) => ({ status: 400, type: 'invalid_request_error', message });
  if (headers['x-api-key'] !== GOOD_KEY) {
    return { status: 401, type: 'authentication_error', message: 'invalid x-api-key' };
  }
  if (headers['anthropic-version'] !== '2023-06-01') return invalid('anthropic-version: header is required');
  if (!Number.isInteger(body.max_tokens)) return invalid('max_tokens: Field required');
  const isKnown = ({ role }: { role: string }): boolean => role === 'user' || role === 'assistant';
  return body.messages.every(isKnown) ? undefined : invalid('messages: Unexpected role "system"');
}

/** POST /api/chat. Without `stream: false` Ollama answers with a stream of objects. */
function answerAsOllama({ body }: ReceivedRequest, response: ServerResponse): void {
  if (body.model === 'missing') {
    send(response, 404, { error: 'model "missing" not found, try pulling it first' });
    return;
  }
  const reply = {
    model: body.model,
    created_at: '2023-12-12T14:13:43.416799Z',
    message: { role: 'assistant', content: replyTo(body.messages) },
    done_reason: 'stop',
    done: true,
    total_duration: 5191566416,
    load_duration: 2154458,
    prompt_eval_count: 26,
    prompt_eval_duration: 383809000,
    eval_count: 298,
    eval_duration: 4799921000,
  };
  if (body.stream === false) send(response, 200, reply);
  else response.end(`${JSON.stringify({ ...reply, done: false })}\n${JSON.stringify(reply)}\n`);
}

/** Reply that repeats the last message, so that a test sees which one arrived. */
function replyTo(messages: readonly { readonly content: unknown }[]): string {
  const last = messages.at(-1)?.content;
  return `You said: ${typeof last === 'string' ? last : JSON.stringify(last)}`;
}

function misbehave(how: Misbehaviour, response: ServerResponse): void {
  const json = { 'content-type': 'application/json' };
  switch (how.kind) {
    case 'status':
      response
        .writeHead(how.status, { ...json, ...how.headers })
        .end(how.body ?? '{"error":{"message":"no"}}');
      return;
    case 'silent':
      return;
    case 'truncated':
      response.writeHead(200, { ...json, 'content-length': '1000' });
      response.write('{"choices":', () => response.destroy());
      return;
    case 'hangs_up':
      response.destroy();
      return;
    case 'oversized':
      response.writeHead(200, json).end('x'.repeat(how.bytes));
      return;
    case 'stalls':
      response.writeHead(200, json).write('{"choices":');
      return;
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
