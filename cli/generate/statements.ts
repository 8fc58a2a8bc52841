import { STATEMENTS } from '../../runtime/db/statements';
import type { GeneratedFile } from './generated-file';

/** The text of each statement, with `$1`, `$2`, … for its values in the order of its arguments. */
export async function generateStatements(): Promise<readonly GeneratedFile[]> {
  const texts = Object.entries(STATEMENTS).map(
    ([name, build]) => `  ${name}:\n    ${literal(textOf(name, build))},`,
  );
  return [
    {
      path: 'runtime/db/statements.generated.ts',
      text: `// Made from statements.ts by npm run generate.\nexport const STATEMENT_TEXTS = {\n${texts.join('\n')}\n} as const;\n`,
    },
  ];
}

type Built = { compile(): { readonly sql: string; readonly parameters: readonly unknown[] } };

/** @throws Error when a value is unused, used twice or out of order, since it would be bound to the wrong parameter */
function textOf(name: string, build: (...values: never[]) => Built): string {
  const values = Array.from({ length: build.length }, (_, index) => `value ${index + 1} of ${name}`);
  const { sql, parameters } = build(...(values as never[])).compile();
  if (JSON.stringify(parameters) !== JSON.stringify(values)) {
    throw new Error(
      `statement ${name}: expected its values once each and in order, got ${JSON.stringify(parameters)}`,
    );
  }
  return sql;
}

const literal = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
