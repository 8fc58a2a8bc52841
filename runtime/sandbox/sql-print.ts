import { refuseSql } from './errors';
import { type Fields, isFields } from './sql-tree';

/** PostgreSQL's parser and a printer of its trees. */
export interface SqlTools {
  parse(text: string): unknown;
  /** @throws whatever it cannot print */
  print(tree: object): string;
}

export interface PrintedSql {
  readonly text: string;
  /** Where a place of `text` lies in the text that was given; both count characters from 1. */
  position(printed: number): number | undefined;
}

/**
 * Prints a checked tree for the server. What is printed is parsed again and must give the same tree, so that a fault of
 * the printer cannot make a harmless statement another one.
 * @param given the text that the tree was parsed from
 * @throws SqlRefusedError when it cannot be printed exactly
 */
export function printStatement(given: string, fields: Fields, tools: SqlTools): PrintedSql {
  const tree = { SelectStmt: fields };
  const places: [printed: number, given: number][] = [];
  let text = '';
  let printed: unknown;
  try {
    text = tools.print(tree);
    printed = statementOf(tools.parse(text));
  } catch {
    // Said below.
  }
  if (!isSame(printed, tree, places))
    refuseSql('it cannot be passed on exactly as it is; write it in a simpler way');
  places.sort(([one], [other]) => one - other);
  return {
    text,
    position(printed) {
      const at = byteOf(text, printed);
      const place = places.find(([start]) => start === at);
      return place === undefined ? undefined : characterOf(given, place[1]);
    },
  };
}

function statementOf(tree: unknown): unknown {
  const [statement] = isFields(tree) && Array.isArray(tree.stmts) ? tree.stmts : [];
  return isFields(statement) ? statement.stmt : undefined;
}

/** Members that say where something stands, not what it is. */
const PLACES = new Set(['location', 'list_start', 'list_end', 'rexpr_list_start', 'rexpr_list_end']);

function isSame(printed: unknown, given: unknown, places: [number, number][]): boolean {
  if (Array.isArray(printed) && Array.isArray(given)) {
    return (
      printed.length === given.length && printed.every((item, index) => isSame(item, given[index], places))
    );
  }
  if (!isFields(printed) || !isFields(given)) return printed === given;
  if (typeof printed.location === 'number' && typeof given.location === 'number')
    places.push([printed.location, given.location]);
  const names = new Set([...Object.keys(printed), ...Object.keys(given)].filter((name) => !PLACES.has(name)));
  return [...names].every((name) => isSame(printed[name], given[name], places));
}

/** PostgreSQL's errors count characters from 1, its parse tree bytes from 0. */
function byteOf(text: string, character: number): number {
  return Buffer.byteLength([...text].slice(0, character - 1).join(''));
}

function characterOf(text: string, byte: number): number {
  return [...Buffer.from(text).subarray(0, byte).toString()].length + 1;
}
