import openapiTS, { astToString } from 'openapi-typescript';
import { SPAN, SPAN_INPUT } from '../../runtime/ledger/span-schema';
import { PROBLEM } from '../../runtime/stage0/schemas';
import { TIMELINE_QUERY } from '../../runtime/stage0/span-routes';
import type { GeneratedFile } from './generated-file';

/** The query with one value for each parameter; the client adds repeated values and the start of a feed itself. */
const { from: _from, ...parameters } = TIMELINE_QUERY.properties;
const SINGLE_VALUED = {
  ...TIMELINE_QUERY,
  properties: Object.fromEntries(
    Object.entries(parameters).map(([name, schema]) => [name, 'items' in schema ? schema.items : schema]),
  ),
};

/** Schemas that the client uses, by type name. */
const WIRE_SCHEMAS = { Span: SPAN, SpanDraft: SPAN_INPUT, TimelineQuery: SINGLE_VALUED, Problem: PROBLEM };

/** The client's wire types, generated from the API's schemas. */
export async function generateWireTypes(): Promise<readonly GeneratedFile[]> {
  const ast = await openapiTS(
    JSON.stringify({
      openapi: '3.1.0',
      info: { title: 'LogLine', version: '1' },
      paths: {},
      components: { schemas: WIRE_SCHEMAS },
    }),
    { immutable: true, rootTypes: true, rootTypesNoSchemaPrefix: true },
  );
  return [
    {
      path: 'client/src/wire.generated.ts',
      text: `// Made from the schemas by npm run generate.\n${astToString(ast)}`,
    },
  ];
}
