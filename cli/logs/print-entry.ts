import { styleText } from 'node:util';
import type { LogEntry } from './log-entry';

const COLORS = ['cyan', 'green', 'yellow', 'magenta', 'blue', 'cyanBright', 'greenBright'] as const;
/** Members that the line shows elsewhere or that no reader needs. */
const HIDDEN = new Set([
  'time',
  'timestamp',
  'level',
  'service',
  'function',
  'msg',
  'message',
  'pid',
  'hostname',
  '_aws',
]);

/** Formats the lines of `logline logs`; each source has a fixed colour. */
export class EntryPrinter {
  readonly #isJson: boolean;
  readonly #width: number;
  readonly #colors = new Map<string, (typeof COLORS)[number]>();

  /** @param width width of the source column */
  constructor(isJson: boolean, width: number) {
    this.#isJson = isJson;
    this.#width = width;
  }

  /** Formats one entry as a line, with its line end. */
  line(entry: LogEntry): string {
    const parsed = parse(entry.text);
    return this.#isJson ? jsonLine(entry, parsed) : this.#plainLine(entry, parsed);
  }

  #plainLine(
    { atMs, source, text }: LogEntry,
    parsed: Readonly<Record<string, unknown>> | undefined,
  ): string {
    const time = new Date(atMs).toISOString().replace('T', ' ').replace('Z', '');
    const name = this.#paint(source);
    if (parsed === undefined) return `${time} ${name} ${printable(text)}\n`;
    const level = String(parsed.level ?? 'info').toLowerCase();
    const message = parsed.msg ?? parsed.message ?? '';
    const members = Object.entries(parsed)
      .filter(([key]) => !HIDDEN.has(key))
      .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    const parts = [typeof message === 'string' ? message : JSON.stringify(message), ...members].filter(
      (part) => part !== '',
    );
    return `${time} ${name} ${paintLevel(level)} ${printable(parts.join(' '))}\n`;
  }

  #paint(source: string): string {
    let color = this.#colors.get(source);
    if (color === undefined) {
      color = COLORS[this.#colors.size % COLORS.length] ?? 'cyan';
      this.#colors.set(source, color);
    }
    return styleText(color, source.padEnd(this.#width), { stream: process.stdout });
  }
}

function paintLevel(level: string): string {
  const color = level === 'error' || level === 'fatal' ? 'red' : level === 'warn' ? 'yellow' : 'gray';
  return styleText(color, level, { stream: process.stdout });
}

/** A JSON object with time, source and content, parsed where it is JSON. */
function jsonLine({ atMs, source, text }: LogEntry, parsed: object | undefined): string {
  return `${JSON.stringify({ time: new Date(atMs).toISOString(), source, entry: parsed ?? text })}\n`;
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** Escapes control characters, so that a log cannot control the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) =>
    character === '\n' || character === '\t'
      ? character
      : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
