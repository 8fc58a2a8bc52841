import type { BenchResult, Cell, FigureTable, Goal } from '../bench';
import { rounded } from './statistics';

/** Figures as text for a terminal. */
export function printed(title: string, { tables, goals }: BenchResult): string {
  const parts = [`\n${title}\n`];
  for (const { caption, columns, rows } of tables)
    parts.push(`${caption}\n${aligned([columns, ...rows.map(texts)])}`);
  if (goals.length > 0) parts.push(aligned(goals.map(goalRow)));
  return parts.join('\n');
}

/** Figures as Markdown for the README. */
export function asMarkdown({ tables, goals }: Pick<BenchResult, 'tables' | 'goals'>): string {
  const parts = tables.map(markdownTable);
  if (goals.length > 0) {
    parts.unshift(
      markdownTable({
        caption: '',
        columns: ['goal', 'bound', 'measured', ''],
        rows: goals.map(({ what, goal, measured, met }) => [
          what,
          goal,
          measured,
          met ? 'met' : '**missed**',
        ]),
      }),
    );
  }
  return parts.join('\n');
}

function goalRow({ what, goal, measured, met }: Goal): string[] {
  return [met ? 'met   ' : 'MISSED', what, goal, measured];
}

function texts(row: readonly Cell[]): string[] {
  return row.map((cell) => (cell === null ? '–' : typeof cell === 'number' ? rounded(cell) : cell));
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((text, column) => {
      widths[column] = Math.max(widths[column] ?? 0, text.length);
    });
  }
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0),
      )
      .join('  ');
  return `${rows.map((row) => `  ${line(row)}`).join('\n')}\n`;
}

function markdownTable({ caption, columns, rows }: FigureTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    ...(caption === '' ? [] : [`${caption}:`, '']),
    line(columns),
    line(columns.map((_, column) => (column === 0 ? '---' : '--:'))),
    ...rows.map((row) => line(texts(row))),
    '',
  ].join('\n');
}
