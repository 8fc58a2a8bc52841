import { json } from './answer';
import type { Handler } from './handlers';

/** `GET /api/keys`: by which keys a signature can be judged. */
export const readKeys: Handler = async ({ instanceKeys }) => json(200, await instanceKeys.published());
