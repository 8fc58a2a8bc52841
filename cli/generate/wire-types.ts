import openapiTS, { astToString } from 'openapi-typescript';
import { SPAN, SPAN_INPUT } from '../../runtime/ledger/span-schema';
import { PROBLEM, TIMELINE_QUERY } from '../../runtime/stage0/schemas';
import type { GeneratedFile } from './generated-file';

/** The query with one value for each parameter: the client says by itself which take several, and where a feed begins. */
const { from: _from, ...parameters } = TIMELINE_QUERY.properties;
const SINGLE_VALUED = {
  ...TIMELINE_QUERY,
  properties: Object.fromEntries(
    Object.entries(parameters).map(([name, schema]) => [name, 'items' in schema ? schema.items : schema]),
  ),
};

/** Schemas the client speaks, by the name of the type. */
const WIRE_SCHEMAS = { Span: SPAN, SpanDraft: SPAN_INPUT, TimelineQuery: SINGLE_VALUED, Problem: PROBLEM };

/** What goes over the wire, as types of the client: made of the schemas that the API checks with. */
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
