import { refuseSql } from './errors';
import { type Fields, isFields } from './sql-tree';

/** PostgreSQL's parser and a printer of its trees. */
export interface SqlTools {
  parse(text: string): unknown;
  /** @throws Error for a tree that it cannot print */
  print(tree: object): string;
}

/** A printed statement. */
export interface PrintedSql {
  readonly text: string;
  /** Maps a position in `text` to one in the original text; both count characters from 1. Undefined if unknown. */
  position(printed: number): number | undefined;
}

/**
 * Prints a checked tree for the server. The result is parsed and compared with the tree, so that a defect of the printer
 * cannot turn an allowed statement into another one.
 * @param given the text that the tree was parsed from
 * @throws SqlRefusedError when it cannot be printed exactly
 */
export function printStatement(given: string, fields: Fields, tools: SqlTools): PrintedSql {
  const tree = { SelectStmt: fields };
  const locations: [printed: number, given: number][] = [];
  let text = '';
  let printed: unknown;
  try {
    text = tools.print(tree);
    printed = statementOf(tools.parse(text));
  } catch {
    // Refused below, since `printed` is undefined.
  }
  if (!isSame(printed, tree, locations))
    refuseSql('it cannot be passed on exactly as it is; write it in a simpler way');
  locations.sort(([one], [other]) => one - other);
  return {
    text,
    position(printed) {
      const at = byteOf(text, printed);
      const location = locations.find(([start]) => start === at);
      return location === undefined ? undefined : characterOf(given, location[1]);
    },
  };
}

function statementOf(tree: unknown): unknown {
  const [statement] = isFields(tree) && Array.isArray(tree.stmts) ? tree.stmts : [];
  return isFields(statement) ? statement.stmt : undefined;
}

/** Members with positions in the text, which the comparison ignores. */
const LOCATIONS = new Set(['location', 'list_start', 'list_end', 'rexpr_list_start', 'rexpr_list_end']);

/** Whether two trees are the same; collects the locations of their nodes. */
function isSame(printed: unknown, given: unknown, locations: [number, number][]): boolean {
  if (Array.isArray(printed) && Array.isArray(given)) {
    return (
      printed.length === given.length && printed.every((item, index) => isSame(item, given[index], locations))
    );
  }
  if (!isFields(printed) || !isFields(given)) return printed === given;
  if (typeof printed.location === 'number' && typeof given.location === 'number')
    locations.push([printed.location, given.location]);
  const names = new Set(
    [...Object.keys(printed), ...Object.keys(given)].filter((name) => !LOCATIONS.has(name)),
  );
  return [...names].every((name) => isSame(printed[name], given[name], locations));
}

/** A character position of a PostgreSQL error, from 1, as a byte offset of the parse tree, from 0. */
function byteOf(text: string, character: number): number {
  return Buffer.byteLength([...text].slice(0, character - 1).join(''));
}

function characterOf(text: string, byte: number): number {
  return [...Buffer.from(text).subarray(0, byte).toString()].length + 1;
}
