import { type ComponentChildren, h } from 'preact';

interface TableProps {
  readonly label: string;
  readonly heads: readonly string[];
  /** Rows. */
  readonly children: ComponentChildren;
}

/** A table with a scroll bar of its own when it is wider than the window. */
export function Table({ label, heads, children }: TableProps) {
  return (
    <div class="table">
      <table aria-label={label}>
        <thead>
          <tr>
            {heads.map((head) => (
              <th>{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
