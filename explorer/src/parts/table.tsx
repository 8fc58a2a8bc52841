import { type ComponentChildren, h } from 'preact';

interface TableProps {
  readonly label: string;
  readonly heads: readonly string[];
  /** Its rows. */
  readonly children: ComponentChildren;
}

/** A table that scrolls within itself where the window is narrower. */
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
