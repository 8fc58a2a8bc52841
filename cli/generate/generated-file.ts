/** A file that is made, never written by hand: `npm run generate` writes it, `npm run check` compares it. */
export interface GeneratedFile {
  /** Relative to the top of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}
