/** What only Node.js (or Deno, or Bun) can do for a client: keep a queue in a file. */
export { FileStore } from './file-store.js';
