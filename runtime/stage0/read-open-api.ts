import { json } from './answer';
import type { Handler } from './handlers';
import { openApiDocument } from './openapi';

const document = openApiDocument();

/** `GET /openapi.json`. */
export const readOpenApi: Handler = async () => json(200, document);
