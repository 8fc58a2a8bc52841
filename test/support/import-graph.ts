import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** One import of a file by another, both as paths from the root. */
export interface Arrow {
  readonly from: string;
  /** A path of this project, or the package's name. */
  readonly to: string;
  readonly isPackage: boolean;
  /** Whether it is a type-only import. */
  readonly isType: boolean;
  /** Imported names; `*` for everything. */
  readonly names: readonly string[];
}

/** Every import of some files: `import`, `export … from`, `import()`, `require()`, and types by `import('…')`. */
export function arrowsOf(root: string, files: readonly string[]): Arrow[] {
  return files.flatMap((file) => {
    const source = ts.createSourceFile(
      file,
      readFileSync(path.join(root, file), 'utf8'),
      ts.ScriptTarget.ES2023,
      false,
    );
    const found: Arrow[] = [];
    const visit = (node: ts.Node): void => {
      const arrow = arrowOf(node);
      if (arrow !== undefined) found.push(pointed(root, file, arrow));
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

interface Import {
  readonly specifier: string;
  readonly isType: boolean;
  readonly names: readonly string[];
}

function arrowOf(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const { importClause: clause } = node;
    const named = clause?.namedBindings;
    const elements = named !== undefined && ts.isNamedImports(named) ? [...named.elements] : undefined;
    return {
      specifier: node.moduleSpecifier.text,
      isType: clause?.isTypeOnly === true || (clause?.name === undefined && isTypes(elements)),
      names: clause?.name === undefined && elements !== undefined ? valueNames(elements) : ['*'],
    };
  }
  if (
    ts.isExportDeclaration(node) &&
    node.moduleSpecifier !== undefined &&
    ts.isStringLiteral(node.moduleSpecifier)
  ) {
    const elements =
      node.exportClause !== undefined && ts.isNamedExports(node.exportClause)
        ? [...node.exportClause.elements]
        : undefined;
    return {
      specifier: node.moduleSpecifier.text,
      isType: node.isTypeOnly || isTypes(elements),
      names: elements === undefined ? ['*'] : valueNames(elements),
    };
  }
  if (
    ts.isImportTypeNode(node) &&
    ts.isLiteralTypeNode(node.argument) &&
    ts.isStringLiteral(node.argument.literal)
  )
    return { specifier: node.argument.literal.text, isType: true, names: [] };
  if (ts.isCallExpression(node)) {
    const isLoad =
      node.expression.kind === ts.SyntaxKind.ImportKeyword ||
      (ts.isIdentifier(node.expression) && node.expression.text === 'require');
    const [specifier] = node.arguments;
    if (isLoad && specifier !== undefined && ts.isStringLiteral(specifier))
      return { specifier: specifier.text, isType: false, names: ['*'] };
  }
  return undefined;
}

type Specifier = ts.ImportSpecifier | ts.ExportSpecifier;

function isTypes(elements: readonly Specifier[] | undefined): boolean {
  return elements !== undefined && elements.length > 0 && elements.every((element) => element.isTypeOnly);
}

function valueNames(elements: readonly Specifier[]): string[] {
  return elements
    .filter((element) => !element.isTypeOnly)
    .map((element) => (element.propertyName ?? element.name).text);
}

function pointed(root: string, from: string, { specifier, isType, names }: Import): Arrow {
  if (!specifier.startsWith('.')) return { from, to: specifier, isPackage: true, isType, names };
  const base = path.posix.join(path.posix.dirname(from), specifier);
  const candidates = ['', '.ts', '.tsx', '.cts', '.js', '.cjs', '.mjs', '.d.ts', '/index.ts'].map(
    (end) => base + end,
  );
  const to = candidates.find(
    (one) => existsSync(path.join(root, one)) && statSync(path.join(root, one)).isFile(),
  );
  return { from, to: to ?? base, isPackage: false, isType, names };
}

/** Import cycles among files, including type imports. */
export function circlesOf(arrows: readonly Arrow[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to, isPackage } of arrows) {
    if (!isPackage) next.set(from, [...(next.get(from) ?? []), to]);
  }
  // Tarjan's strongly connected components.
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];
  const lowest = (file: string, value: number) => low.set(file, Math.min(low.get(file) ?? value, value));
  const visit = (file: string): void => {
    const number = order.size;
    order.set(file, number);
    lowest(file, number);
    open.push(file);
    for (const other of next.get(file) ?? []) {
      if (!order.has(other)) {
        visit(other);
        lowest(file, low.get(other) ?? number);
      } else if (open.includes(other)) lowest(file, order.get(other) ?? number);
    }
    if (low.get(file) !== number) return;
    const circle = open.splice(open.indexOf(file)).sort();
    if (circle.length > 1) circles.push(circle);
  };
  for (const file of next.keys()) if (!order.has(file)) visit(file);
  return circles;
}
