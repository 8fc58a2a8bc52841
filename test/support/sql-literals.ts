import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** An SQL text of a source. */
export interface SqlLiteral {
  /** File and line, for messages. */
  readonly where: string;
  readonly file: string;
  /** The whole text; undefined when parts are known at run time only. */
  readonly text: string | undefined;
}

/** Only SQL statements begin with these words in capitals. */
const BEGINS_A_STATEMENT = /^\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s/;

/** All SQL literals of the sources, with constants of their file inserted. */
export function sqlLiterals(root: string, files: readonly string[]): SqlLiteral[] {
  return files.flatMap((file) => literalsOf(file, readFileSync(path.join(root, file), 'utf8')));
}

function literalsOf(file: string, content: string): SqlLiteral[] {
  const source = ts.createSourceFile(file, content, ts.ScriptTarget.ES2023, true);
  const constants = new Map<string, ts.Expression>();
  const visitConstants = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined)
      constants.set(node.name.text, node.initializer);
    ts.forEachChild(node, visitConstants);
  };
  visitConstants(source);
  const found: SqlLiteral[] = [];
  const visit = (node: ts.Node): void => {
    if (isText(node) && BEGINS_A_STATEMENT.test(headOf(node))) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push({ where: `${file}:${line + 1}`, file, text: textOf(node, constants) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isText(
  node: ts.Node,
): node is ts.StringLiteral | ts.NoSubstitutionTemplateLiteral | ts.TemplateExpression {
  return (
    ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)
  );
}

function headOf(node: ts.StringLiteral | ts.NoSubstitutionTemplateLiteral | ts.TemplateExpression): string {
  return ts.isTemplateExpression(node) ? `${node.head.text}x` : `${node.text} `;
}

function textOf(node: ts.Expression, constants: ReadonlyMap<string, ts.Expression>): string | undefined {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isNumericLiteral(node))
    return node.text;
  if (ts.isIdentifier(node)) {
    const value = constants.get(node.text);
    return value === undefined ? undefined : textOf(value, constants);
  }
  if (!ts.isTemplateExpression(node)) return undefined;
  let text = node.head.text;
  for (const span of node.templateSpans) {
    const part = textOf(span.expression, constants);
    if (part === undefined) return undefined;
    text += part + span.literal.text;
  }
  return text;
}
