import path from 'node:path';
import ts from 'typescript';

/** Declared kind of a row's member, without null. */
export type DeclaredKind = 'string' | 'number' | 'boolean' | 'object' | 'unknown';

/** A statement that a kernel writes as ctx.sql`…` or ctx.workSql`…`. */
export interface KernelStatement {
  /** File and line, for messages. */
  readonly where: string;
  /** SQL text with `$1`, `$2` … for its values. */
  readonly text: string;
  /** Column → kind of the declared row type; undefined when none is declared. */
  readonly row: ReadonlyMap<string, ReadonlySet<DeclaredKind>> | undefined;
}

/** All kernel statements in the sources, with their declared row types. */
export function kernelStatements(root: string, files: readonly string[]): KernelStatement[] {
  const program = ts.createProgram(
    files.map((file) => path.join(root, file)),
    {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.CommonJS,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      strict: true,
      skipLibCheck: true,
      noEmit: true,
      types: [],
    },
  );
  const checker = program.getTypeChecker();
  return files.flatMap((file) => {
    const source = program.getSourceFile(path.join(root, file));
    if (source === undefined) throw new Error(`${file} was not compiled`);
    const found: KernelStatement[] = [];
    const visit = (node: ts.Node): void => {
      if (
        ts.isTaggedTemplateExpression(node) &&
        ts.isPropertyAccessExpression(node.tag) &&
        (node.tag.name.text === 'sql' || node.tag.name.text === 'workSql')
      ) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        const [row] = node.typeArguments ?? [];
        found.push({
          where: `${file}:${line + 1}`,
          text: textOf(node.template),
          row: row === undefined ? undefined : membersOf(checker, checker.getTypeFromTypeNode(row), node),
        });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

function textOf(template: ts.TemplateLiteral): string {
  if (ts.isNoSubstitutionTemplateLiteral(template)) return template.text;
  const parts = template.templateSpans.map((span, index) => `$${index + 1}${span.literal.text}`);
  return template.head.text + parts.join('');
}

function membersOf(checker: ts.TypeChecker, row: ts.Type, at: ts.Node): Map<string, Set<DeclaredKind>> {
  return new Map(
    checker.getPropertiesOfType(row).map((property) => {
      const type = checker.getTypeOfSymbolAtLocation(property, at);
      const parts = type.isUnion() ? type.types : [type];
      return [property.name, new Set(parts.flatMap((part) => kindOf(part) ?? []))];
    }),
  );
}

function kindOf({ flags }: ts.Type): DeclaredKind | undefined {
  if (flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)) return undefined;
  if (flags & ts.TypeFlags.StringLike) return 'string';
  if (flags & ts.TypeFlags.NumberLike) return 'number';
  if (flags & ts.TypeFlags.BooleanLike) return 'boolean';
  if (flags & ts.TypeFlags.Object) return 'object';
  return 'unknown';
}
