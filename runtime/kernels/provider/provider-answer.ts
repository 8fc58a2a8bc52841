import type { JsonObject, JsonValue } from '../../base/span';
import { isObject, objectOf } from '../json';
import type { OutgoingResponse } from '../kernel-context';
import { MAX_STORED_BYTES, type Provider, Refusal } from './provider';

type Answered = Extract<OutgoingResponse, { readonly ok: true }>;

/** Token counts, by the same names for all services. */
export type Usage = {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
};

/** The answer of a chat service, independent of its wire format. */
interface ChatAnswer {
  readonly text: string;
  readonly model: string | null;
  readonly usage: Usage | null;
  /** `stop`, `length`, `tool_calls`, `content_filter`, or the service's own word. */
  readonly finish_reason: string | null;
}

const ANTHROPIC_REASONS: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};
const DETAIL_LENGTH = 1_000;

/**
 * The output of a call that the service answered with 2xx: `{text, model, usage, finish_reason}` for chat services,
 * `{status, body}` for `http`.
 * @throws Refusal `function_failed` when the answer is not in the service's format.
 */
export function outputOf(provider: Provider, response: Answered, key: string | undefined): JsonObject {
  const output = provider.kind === 'http' ? httpOutput(response, key) : chatOutput(provider, response, key);
  if (new TextEncoder().encode(JSON.stringify(output)).length > MAX_STORED_BYTES) {
    throw badAnswer(`is larger than ${MAX_STORED_BYTES} bytes`, response, key);
  }
  return output;
}

/** The service's error message, without the API key, which it may echo. */
export function detailOf({ body, json }: Answered, key: string | undefined): string {
  const { error } = 'value' in json ? objectOf(json.value) : {};
  const { message } = objectOf(error);
  const text = typeof message === 'string' ? message : typeof error === 'string' ? error : body;
  // Truncated last, since a truncated key would not be recognised.
  return cleanText(text, key).slice(0, DETAIL_LENGTH).toWellFormed();
}

/** Whether the account has no credit left (OpenAI's code), so that a retry cannot succeed. */
export function isOutOfCredit({ json }: Answered): boolean {
  return 'value' in json && objectOf(objectOf(json.value).error).code === 'insufficient_quota';
}

function httpOutput(response: Answered, key: string | undefined): JsonObject {
  const { status, headers, body, json } = response;
  if (body === '') return { status, body: null };
  if (!/\bjson\b/i.test(headers['content-type'] ?? '')) return { status, body: cleanText(body, key) };
  if ('fault' in json) throw badAnswer(json.fault, response, key);
  return { status, body: clean(json.value, key) };
}

function chatOutput({ kind, includeRaw }: Provider, response: Answered, key: string | undefined): JsonObject {
  const { json } = response;
  if ('fault' in json) throw badAnswer(json.fault, response, key);
  const body = objectOf(clean(json.value, key));
  const answer =
    kind === 'openai' ? fromOpenAi(body) : kind === 'anthropic' ? fromAnthropic(body) : fromOllama(body);
  if (answer === undefined) throw badAnswer(`is not in the format of ${kind}`, response, key);
  return { ...answer, ...(includeRaw ? { raw: body } : {}) };
}

/** https://platform.openai.com/docs/api-reference/chat/object */
function fromOpenAi({ choices, model, usage }: JsonObject): ChatAnswer | undefined {
  const [choice] = Array.isArray(choices) ? choices : [];
  const { message, finish_reason: reason } = objectOf(choice);
  if (!isObject(message)) return undefined;
  const { content, refusal } = message;
  const { prompt_tokens: input, completion_tokens: output } = objectOf(usage);
  return {
    text: textOf(content) || textOf(refusal),
    model: textOrNull(model),
    usage: usageOf(input, output),
    finish_reason: textOrNull(reason),
  };
}

/** https://docs.claude.com/en/api/messages */
function fromAnthropic({ content, model, usage, stop_reason: reason }: JsonObject): ChatAnswer | undefined {
  if (!Array.isArray(content)) return undefined;
  const tokens = objectOf(usage);
  const read = tokens.cache_read_input_tokens;
  const written = tokens.cache_creation_input_tokens;
  const input = tokens.input_tokens;
  const cached = (typeof read === 'number' ? read : 0) + (typeof written === 'number' ? written : 0);
  return {
    text: textOf(content),
    model: textOrNull(model),
    usage: usageOf(typeof input === 'number' ? input + cached : undefined, tokens.output_tokens),
    finish_reason: typeof reason === 'string' ? (ANTHROPIC_REASONS[reason] ?? reason) : null,
  };
}

/** https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-chat-completion */
function fromOllama(body: JsonObject): ChatAnswer | undefined {
  const { message, model, done_reason: reason, prompt_eval_count: input, eval_count: output } = body;
  if (!isObject(message)) return undefined;
  return {
    text: textOf(message.content),
    model: textOrNull(model),
    usage: usageOf(input, output),
    finish_reason: textOrNull(reason),
  };
}

/** A text, or the texts among the parts of a content. */
function textOf(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part) => objectOf(part).text)
    .filter((text) => typeof text === 'string')
    .join('');
}

function textOrNull(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function usageOf(input: JsonValue | undefined, output: JsonValue | undefined): Usage | null {
  if (typeof input !== 'number' || typeof output !== 'number') return null;
  return { input_tokens: input, output_tokens: output, total_tokens: input + output };
}

function badAnswer(what: string, response: Answered, key: string | undefined): Refusal {
  const cause = { reason: 'bad_answer', http_status: response.status, detail: detailOf(response, key) };
  return new Refusal('function_failed', `The provider's answer ${what}.`, { cause });
}

/** The value without the API key, which services may echo. */
function clean(value: JsonValue, key: string | undefined): JsonValue {
  if (typeof value === 'string') return cleanText(value, key);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => clean(each, key));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [cleanText(name, key), clean(member, key)]),
  );
}

function cleanText(text: string, key: string | undefined): string {
  if (key === undefined || key === '') return text;
  const spellings = [key, encodeURIComponent(key), JSON.stringify(key).slice(1, -1)];
  return spellings.reduce((cleaned, spelling) => cleaned.replaceAll(spelling, '[secret]'), text);
}
