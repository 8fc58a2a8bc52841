import type { JsonObject, JsonValue } from '../../base/span';
import { isObject, objectOf } from '../json';
import { type Provider, Refusal } from './provider';

/** The HTTP request to the service, without the API key. */
export interface ProviderRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonValue | undefined;
  /** The model; undefined for the kind `http`. */
  readonly model: string | undefined;
}

type ChatKind = 'openai' | 'anthropic' | 'ollama';

interface Chat {
  readonly model: string;
  readonly system: readonly string[];
  readonly messages: readonly JsonObject[];
  readonly parameters: JsonObject;
}

/** The Messages API requires a limit. */
const ANTHROPIC_MAX_TOKENS = 4096;
const ANTHROPIC_VERSION = '2023-06-01';
/** Members of Ollama's chat request that are no options of the model. */
const OLLAMA_MEMBERS: ReadonlySet<string> = new Set([
  'format',
  'options',
  'keep_alive',
  'think',
  'tools',
  'logprobs',
]);
/** Members that this kernel sets; values of the caller or provider are ignored. */
const RESERVED: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'system',
  'prompt',
  'stream',
  'parameters',
]);

/**
 * The request for one call, in the wire format of the provider's kind: OpenAI chat completions, Anthropic messages,
 * Ollama chat, or the provider's templates filled with the input.
 * @throws Refusal `malformed` when the input does not fit
 */
export function requestOf(provider: Provider, input: JsonValue): ProviderRequest {
  if (provider.kind === 'http') return httpRequest(provider, input);
  const chat = parseChat(provider, input);
  return {
    method: 'POST',
    url: provider.baseUrl + (provider.path ?? chatPath(provider.kind, new URL(provider.baseUrl).pathname)),
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(provider.kind === 'anthropic' ? { 'anthropic-version': ANTHROPIC_VERSION } : {}),
      ...provider.headers,
    },
    body: chatBody(provider.kind, chat),
    model: chat.model,
  };
}

/** The path of the chat endpoint; base URLs come with and without its version prefix. */
function chatPath(kind: ChatKind, basePath: string): string {
  if (kind === 'openai') return basePath === '/' ? '/v1/chat/completions' : '/chat/completions';
  if (kind === 'anthropic') return basePath.endsWith('/v1') ? '/messages' : '/v1/messages';
  return basePath.endsWith('/api') ? '/chat' : '/api/chat';
}

function chatBody(kind: ChatKind, { model, system, messages, parameters }: Chat): JsonObject {
  if (kind === 'anthropic') {
    return {
      max_tokens: ANTHROPIC_MAX_TOKENS,
      ...parameters,
      model,
      messages,
      ...(system.length === 0 ? {} : { system: system.join('\n\n') }),
    };
  }
  const all = [...system.map((content) => ({ role: 'system', content })), ...messages];
  if (kind === 'openai') return { ...parameters, model, messages: all };
  const { max_tokens: maxTokens, ...rest } = parameters;
  const split = Object.entries(rest);
  const options: JsonObject = {
    ...Object.fromEntries(split.filter(([name]) => !OLLAMA_MEMBERS.has(name))),
    ...(maxTokens === undefined ? {} : { num_predict: maxTokens }),
    ...objectOf(rest.options),
  };
  return {
    ...Object.fromEntries(split.filter(([name]) => OLLAMA_MEMBERS.has(name))),
    ...(Object.keys(options).length === 0 ? {} : { options }),
    model,
    messages: all,
    stream: false,
  };
}

/** `{prompt}` or `{messages}`, with `system`, `model` and parameters beside it. */
function parseChat(provider: Provider, input: JsonValue): Chat {
  const faults: string[] = [];
  const { messages: list, prompt, system, model, parameters, ...rest } = objectOf(input);
  const given = prompt === undefined ? list : [{ role: 'user', content: prompt }];
  if ((prompt === undefined) === (list === undefined)) faults.push('give either prompt or messages');
  else if (prompt !== undefined && typeof prompt !== 'string') faults.push('prompt must be a text');
  else if (!Array.isArray(given) || given.length === 0)
    faults.push('messages must be a list of at least one message');
  if (system !== undefined && typeof system !== 'string') faults.push('system must be a text');
  const messages = Array.isArray(given) ? given.filter((each, index) => isMessage(each, index, faults)) : [];
  const chosen = provider.model ?? model;
  if (typeof chosen !== 'string' || chosen === '')
    faults.push('model is missing: neither provider nor input names one');
  else if (model !== undefined && model !== chosen)
    faults.push(`model must be left out: this provider uses ${chosen}`);
  // The provider's owner may be the one to pay, so the caller cannot override the provider's parameters.
  const all = { ...rest, ...objectOf(parameters), ...provider.parameters };
  const lifted = provider.kind === 'anthropic' ? messages.filter(isSystemText) : [];
  if (faults.length > 0) throw new Refusal('malformed', `The input does not fit: ${faults.join('; ')}.`);
  return {
    model: String(chosen),
    system: [
      ...(typeof system === 'string' ? [system] : []),
      ...lifted.map(({ content }) => String(content)),
    ],
    messages: messages.filter((message) => !lifted.includes(message)),
    parameters: Object.fromEntries(Object.entries(all).filter(([name]) => !RESERVED.has(name))),
  };
}

/** Content parts (such as images) and tool calls are not checked here; the service does. */
function isMessage(value: JsonValue, index: number, faults: string[]): value is JsonObject {
  const { role, content } = objectOf(value);
  const hasContent =
    typeof content === 'string' || Array.isArray(content) || (content === null && role === 'assistant');
  if (typeof role === 'string' && role !== '' && hasContent) return true;
  faults.push(
    `messages[${index}] must have a role and a content, such as {"role": "user", "content": "Hello"}`,
  );
  return false;
}

function isSystemText({ role, content }: JsonObject): boolean {
  return role === 'system' && typeof content === 'string';
}

function httpRequest(provider: Provider, input: JsonValue): ProviderRequest {
  const { method, path = '', query, body: template, headers } = provider;
  const [pathTemplate = '', ...fixedQuery] = path.split('?');
  const filledPath = fillText(pathTemplate, input, encodeURIComponent);
  if (filledPath.split('/').some((part) => part === '.' || part === '..')) {
    throw new Refusal('malformed', 'The input would lead out of the path of the provider.');
  }
  const pairs = Object.entries(query).map(([name, value]) => {
    const filled = fill(value, input);
    return `${encodeURIComponent(name)}=${encodeURIComponent(textOf(filled))}`;
  });
  const search = [...fixedQuery, ...pairs].join('&');
  const hasBody = method === 'POST' || method === 'PUT' || method === 'PATCH';
  const body = template === undefined ? (hasBody ? input : undefined) : fill(template, input);
  return {
    method,
    url: `${provider.baseUrl}${filledPath}${search === '' ? '' : `?${search}`}`,
    headers: {
      accept: 'application/json, text/*;q=0.9, */*;q=0.1',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body,
    model: undefined,
  };
}

const PLACEHOLDER = /\{\{\s*input((?:\.[\w-]+)*)\s*\}\}/g;
const ONLY_PLACEHOLDER = /^\{\{\s*input((?:\.[\w-]+)*)\s*\}\}$/;

/** Fills a template. A text that is only a placeholder becomes the value itself; else the value is inserted as text. */
function fill(template: JsonValue, input: JsonValue): JsonValue {
  if (typeof template === 'string') {
    const [, path] = ONLY_PLACEHOLDER.exec(template) ?? [];
    return path === undefined ? fillText(template, input, (text) => text) : valueAt(input, path);
  }
  if (Array.isArray(template)) return template.map((each) => fill(each, input));
  if (!isObject(template)) return template;
  return Object.fromEntries(Object.entries(template).map(([name, value]) => [name, fill(value, input)]));
}

function fillText(template: string, input: JsonValue, encode: (text: string) => string): string {
  return template.replaceAll(PLACEHOLDER, (_whole, path: string) => encode(textOf(valueAt(input, path))));
}

/** The input's value at a path such as `.city.name`; empty is the whole input. @throws Refusal when it is missing */
function valueAt(input: JsonValue, path: string): JsonValue {
  let value: JsonValue | undefined = input;
  for (const name of path.split('.').slice(1)) {
    const isThere: boolean = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
    value = isThere ? (value as JsonObject)[name] : undefined;
  }
  if (value === undefined)
    throw new Refusal('malformed', `The provider needs input${path}, which the input lacks.`);
  return value;
}

function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
