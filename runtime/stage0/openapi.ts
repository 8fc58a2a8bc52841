import { ROUTE_TAGS, type Route } from './route';
import { COMPONENTS, ROUTES } from './route-table';
import { PROBLEM } from './schemas';

/** The OpenAPI 3.1 document, generated from the route table and its schemas. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of ROUTES) {
    const path = route.path.replace('+}', '}');
    const methods = paths[path] ?? {};
    methods[route.method.toLowerCase()] = operationOf(route);
    paths[path] = methods;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'LogLine',
      version: '1',
      description: 'An append-only, multi-tenant ledger of signed spans.',
      contact: { name: 'Who runs this LogLine' },
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(ROUTE_TAGS).map(([name, description]) => ({ name, description })),
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { ...COMPONENTS, Problem: PROBLEM },
    },
  };
}

function operationOf(route: Route): object {
  const asksForToken = route.scope !== undefined || route.tokenNeeded === true;
  const security = asksForToken ? [...(route.tokenNeeded ? [] : [{}]), { token: [] }] : [{}];
  return {
    operationId: route.operation,
    summary: route.summary,
    description: route.description,
    tags: [route.tag],
    security,
    ...(route.scope === undefined ? {} : { 'x-scope': route.scope }),
    parameters: [
      ...parametersOf('path', route.pathSchema),
      ...parametersOf('query', route.querySchema),
      ...(route.headers ?? []).map(({ name, description, pattern }) => ({
        name,
        in: 'header',
        description,
        schema: { type: 'string', ...(pattern === undefined ? {} : { pattern }) },
      })),
    ],
    ...(route.body === undefined
      ? {}
      : { requestBody: bodyOf(route.body, route.operation !== 'executeFunction') }),
    responses: { ...answersOf(route), ...problemsOf(route) },
  };
}

interface ObjectSchema {
  readonly required?: readonly string[];
  readonly properties?: { readonly [name: string]: object };
}

function parametersOf(place: 'path' | 'query', schema: ObjectSchema | undefined): object[] {
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: schema?.required?.includes(name) ?? false,
    schema: property,
  }));
}

function bodyOf(body: NonNullable<Route['body']>, required: boolean): object {
  return { required, content: body };
}

function answersOf(route: Route): object {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { description, schema, raw = [] }]) => [
      status,
      { description, content: { ...rawContent(raw), ...jsonContent(schema) } },
    ]),
  );
}

function rawContent(types: readonly string[]): object {
  return Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }]));
}

/** A text or bytes are nothing that comes as JSON as well. */
function jsonContent(schema: object): object {
  return 'type' in schema && schema.type === 'string' ? {} : { 'application/json': { schema } };
}

function problemsOf(route: Route): object {
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return Object.fromEntries(
    [...route.errors, 500, 503].map((status) => [status, { description: 'See detail.', content }]),
  );
}
