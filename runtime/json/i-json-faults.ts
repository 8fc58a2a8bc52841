import type { Fault } from '../base/errors';
import { inOneGo, VALUES_A_SLICE } from '../base/slices';
import { MAX_JSON_DEPTH } from './canonical-json';
import { isExactNumber } from './exact-number';
import { pointerWithin } from './json-pointer';
import { textFaults } from './text-faults';

/** Most faults listed. */
const MAX_FAULTS = 100;
/** Longest excerpt of the input that a detail repeats, in UTF-16 code units. */
const MAX_EXCERPT = 40;

/** One JSON token: a string, a number or a punctuation mark. Literals and white space are skipped. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\]:,]/g;

/** An object or array that the scan is inside of. */
interface Container {
  /** Member names seen so far; undefined for an array. */
  readonly names: Set<string> | undefined;
  /** Member name or index being read, as a reference token of the pointer. */
  token: string;
  index: number;
  /** Whether the next string is a member name. */
  expectsName: boolean;
}

/**
 * Everything in a JSON text that I-JSON (RFC 7493) refuses, each with its JSON pointer, at most {@link MAX_FAULTS}. The
 * text must be one that `JSON.parse` accepts. Takes linear time; stops where nesting passes the limit.
 */
export function faultsIn(text: string): Fault[] {
  return inOneGo(scanForFaults(text));
}

/** {@link faultsIn} that yields between slices: a text of many tokens takes a tenth of a second. */
export function* scanForFaults(text: string): Generator<undefined, Fault[]> {
  let tokens = 0;
  const faults: Fault[] = [];
  const open: Container[] = [];
  const report = (detail: string): void => {
    faults.push({
      pointer: pointerWithin(
        '',
        open.map(({ token }) => token),
      ),
      detail,
    });
  };
  for (const [token] of text.matchAll(TOKEN)) {
    if (faults.length >= MAX_FAULTS) break;
    tokens += 1;
    if (tokens % VALUES_A_SLICE === 0) yield;
    const container = open.at(-1);
    switch (token[0]) {
      case '{':
      case '[':
        if (open.length >= MAX_JSON_DEPTH) {
          report(`nested deeper than ${MAX_JSON_DEPTH} levels`);
          return faults;
        }
        open.push(opened(token));
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        if (container !== undefined) advance(container);
        break;
      case ':':
        break;
      case '"':
        if (container?.expectsName) enterMember(container, token, report);
        else reportText(token, 'the string', report);
        break;
      default:
        if (!isExactNumber(token)) report(`${excerpt(token)} is not a number that a double holds exactly`);
    }
  }
  return faults;
}

function opened(mark: string): Container {
  return mark === '{'
    ? { names: new Set(), token: '', index: 0, expectsName: true }
    : { names: undefined, token: '0', index: 0, expectsName: false };
}

function advance(container: Container): void {
  if (container.names !== undefined) {
    container.expectsName = true;
    return;
  }
  container.index += 1;
  container.token = String(container.index);
}

function enterMember(container: Container, token: string, report: (detail: string) => void): void {
  const name = unquoted(token);
  container.token = name;
  container.expectsName = false;
  reportText(token, 'the member name', report);
  if (container.names?.has(name)) report('the member name appears twice in this object');
  container.names?.add(name);
}

function reportText(token: string, what: string, report: (detail: string) => void): void {
  for (const fault of textFaults(unquoted(token))) report(`${what} contains ${fault}`);
}

function unquoted(token: string): string {
  return token.includes('\\') ? String(JSON.parse(token)) : token.slice(1, -1);
}

function excerpt(token: string): string {
  return token.length <= MAX_EXCERPT ? token : `${token.slice(0, MAX_EXCERPT)}…`;
}
