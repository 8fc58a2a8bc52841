import { UUID_PATTERN } from '../base/uuid';

// A span as JSON Schema 2020-12. Validators and `/openapi.json` are generated from it.

/** A UUID (RFC 9562), in either case. */
export const UUID = {
  type: 'string',
  pattern: `^${UUID_PATTERN}$`,
  description: 'A UUID (RFC 9562); stored and hashed in lower case.',
} as const;

export const HEX_32 = {
  type: 'string',
  pattern: '^[0-9a-f]{64}$',
  description: '32 bytes in lower-case hex.',
} as const;
const HEX_64 = {
  type: 'string',
  pattern: '^[0-9a-f]{128}$',
  description: '64 bytes in lower-case hex.',
} as const;

// The bounds keep every index entry below PostgreSQL's limit of 2,704 bytes.
/** A short term in an indexed column. */
export const WORD = { type: 'string', minLength: 1, maxLength: 128 } as const;
/** The name of a person, a thing or a tenant. */
export const NAME = { type: 'string', minLength: 1, maxLength: 255 } as const;
/** Any text. */
export const TEXT = { type: 'string' } as const;
const INT32_MAX = 2_147_483_647;

function nullable<T extends { readonly type: string }>(schema: T) {
  return { ...schema, type: [schema.type, 'null'] };
}

/** Any JSON that can be stored exactly. */
export const ANY_JSON = { description: 'Any JSON within I-JSON (RFC 7493).' } as const;

/** A span as a client may send it. Null means absent. */
export const SPAN_INPUT = {
  type: 'object',
  description: 'Required: entity_type, who, this. The server fills the rest. Unknown members are refused.',
  required: ['entity_type', 'who', 'this'],
  additionalProperties: false,
  properties: {
    id: nullable(UUID),
    seq: {
      type: ['integer', 'null'],
      minimum: 0,
      maximum: INT32_MAX,
      description: 'Version; defaults to 0.',
    },
    entity_type: { ...WORD, description: 'What kind of thing this is, such as `function` or `note`.' },
    who: { ...NAME, description: 'Who did it, in the words of the client.' },
    did: nullable(NAME),
    this: { ...TEXT, minLength: 1, description: 'What it was done to.' },
    at: nullable({ ...TEXT, description: 'RFC 3339 with at most milliseconds; defaults to now.' }),
    parent_id: nullable(UUID),
    related_to: { type: ['array', 'null'], items: UUID, maxItems: 1_000 },
    owner_id: nullable(NAME),
    tenant_id: nullable(NAME),
    visibility: { enum: ['private', 'tenant', 'public', null], description: 'Defaults to private.' },
    status: nullable(WORD),
    is_deleted: { type: ['boolean', 'null'], description: 'Defaults to false.' },
    name: nullable(NAME),
    description: nullable(TEXT),
    code: nullable(TEXT),
    language: nullable(TEXT),
    runtime: nullable(TEXT),
    input: ANY_JSON,
    output: ANY_JSON,
    error: ANY_JSON,
    metadata: ANY_JSON,
    duration_ms: { type: ['integer', 'null'], minimum: 0, maximum: INT32_MAX },
    trace_id: nullable(WORD),
    prev_hash: nullable(HEX_32),
    curr_hash: nullable(HEX_32),
    signature: nullable(HEX_64),
    public_key: nullable(HEX_32),
  },
} as const;

/** The same members without null as a value. */
function neverNull(properties: Readonly<Record<string, object>>): Readonly<Record<string, object>> {
  const kept = (words: unknown) =>
    Array.isArray(words) ? words.filter((word) => word !== 'null' && word !== null) : words;
  const members = Object.entries(properties).map(([name, schema]): [string, object] => {
    const { type, enum: words, ...rest } = schema as { type?: unknown; enum?: unknown };
    const types = kept(type);
    const one = Array.isArray(types) && types.length === 1 ? types[0] : types;
    return [
      name,
      {
        ...(type === undefined ? {} : { type: one }),
        ...(words === undefined ? {} : { enum: kept(words) }),
        ...rest,
      },
    ];
  });
  return Object.fromEntries(members);
}

/** A span as the API returns it: complete, hashed and signed, without null members. */
export const SPAN = {
  ...SPAN_INPUT,
  properties: neverNull(SPAN_INPUT.properties),
  description: 'A span of the ledger. Members without a value are absent.',
  required: [
    'id',
    'seq',
    'entity_type',
    'who',
    'this',
    'at',
    'owner_id',
    'tenant_id',
    'visibility',
    'is_deleted',
    'curr_hash',
    'signature',
    'public_key',
  ],
} as const;
