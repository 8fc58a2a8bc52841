/** The part of the client that needs Node.js (or Deno, or Bun): a queue stored in a file. */

export { FileStore } from './file-store';
