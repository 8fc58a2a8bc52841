/**
 * Code that the sandbox's worker shares with the host. The worker is CommonJS that Node starts without a compiler;
 * `npm run generate` bundles this file for it.
 */
export { ed25519 } from '../crypto/ed25519';
export { nobleBlake3 as blake3 } from '../crypto/noble-blake3';
export { MAX_JSON_DEPTH } from '../json/canonical-json';
