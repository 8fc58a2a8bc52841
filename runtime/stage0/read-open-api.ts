import { jsonText } from './answer';
import type { Handler } from './handlers';
import { openApiDocument } from './openapi';

const document = openApiDocument();
let text: string | undefined;

/** `GET /openapi.json`, serialised once: that takes milliseconds, and anybody may ask. */
export const readOpenApi: Handler = async () => {
  text ??= JSON.stringify(document);
  return jsonText(200, text);
};
