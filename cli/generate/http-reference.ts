import { SPAN_INPUT } from '../../runtime/ledger/span-schema';
import type { Route } from '../../runtime/stage0/route';
import { ROUTES } from '../../runtime/stage0/route-table';
import { PROBLEM } from '../../runtime/stage0/schemas';
import type { GeneratedFile } from './generated-file';

interface SchemaLike {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, SchemaLike>>;
  readonly required?: readonly string[];
}

/** `docs/http.md`, from the route table that also serves the API and yields `/openapi.json`. */
export async function generateHttpReference(): Promise<readonly GeneratedFile[]> {
  const text = [
    '# HTTP reference',
    '',
    'Made from the route table by `npm run generate`; the same table yields `GET /openapi.json` (OpenAPI 3.1).',
    `Errors are \`application/problem+json\` (RFC 9457): ${namesOf(PROBLEM)}.`,
    '',
    ...ROUTES.flatMap(routeSection),
    '## Span, as sent',
    '',
    SPAN_INPUT.description,
    '',
    ...table(SPAN_INPUT as unknown as SchemaLike),
  ].join('\n');
  return [{ path: 'docs/http.md', text: `${text}\n` }];
}

function namesOf(schema: SchemaLike | typeof PROBLEM): string {
  return Object.keys(schema.properties ?? {})
    .map((name) => `\`${name}\``)
    .join(', ');
}

function routeSection(route: Route): string[] {
  return [
    `## ${route.method} ${route.path}`,
    '',
    `${route.summary}. ${route.description}`,
    '',
    ...scopeLines(route),
    ...(route.body === undefined
      ? []
      : [
          `Body: ${Object.keys(route.body)
            .map((type) => `\`${type}\``)
            .join(' or ')}.`,
          '',
        ]),
    ...(route.headers ?? []).flatMap(({ name, description }) => [`Header \`${name}\`: ${description}`, '']),
    ...(route.querySchema === undefined ? [] : ['Query:', '', ...table(route.querySchema as SchemaLike)]),
    '| status | |',
    '|---|---|',
    ...Object.entries(route.answers).map(([status, { description }]) => `| ${status} | ${description} |`),
    `| ${[...route.errors, 500, 503].join(' ')} | a problem; see \`detail\` |`,
    '',
  ];
}

function scopeLines({ scope, tokenNeeded }: Route): string[] {
  if (scope === undefined) return [tokenNeeded ? 'Any token.' : 'No token needed.', ''];
  const otherwise = tokenNeeded ? 'A token is needed.' : 'Without a token: public spans only.';
  return [`Scope \`${scope}\`. ${otherwise}`, ''];
}

function table(schema: SchemaLike): string[] {
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const required = schema.required?.includes(name) ? ' (required)' : '';
    return `| \`${name}\`${required} | ${typeOf(property)} | ${property.description ?? ''} |`;
  });
  return ['| name | type | |', '|---|---|---|', ...rows, ''];
}

function typeOf({ type, enum: words, minLength, maxLength, maxItems }: SchemaLike): string {
  if (words !== undefined) return words.filter((word) => word !== null).join(', ');
  const name = [type ?? 'any JSON']
    .flat()
    .filter((one) => one !== 'null')
    .join(', ');
  const bounds = maxLength === undefined ? '' : `, ${minLength ?? 0}–${maxLength} characters`;
  return `${name}${bounds}${maxItems === undefined ? '' : `, at most ${maxItems}`}`;
}
