import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv2020 from 'ajv/dist/2020';
import { FunctionFailedError, NotFoundError, QuotaExceededError } from '../../runtime/base/errors';
import type { JsonValue, SignedSpan } from '../../runtime/base/span';
import type { FunctionStarter } from '../../runtime/host/function-starter';
import { ROUTES } from '../../runtime/stage0/route-table';
import { CONTRACT_ROUTES } from '../support/contract-routes';
import { signedSpan } from '../support/spans';
import { type Answer, createTestStage0, type TestStage0 } from '../support/test-stage0';

const good = { entity_type: 'note', who: 'alice', this: 'hello' };

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  readonly responses: Record<string, { readonly content: Record<string, { readonly schema: object }> }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

describe('/openapi.json', () => {
  let stage0: TestStage0;
  let token: string;
  let document: Document;
  let ajv: Ajv2020;
  let span: SignedSpan;
  const functions: FunctionStarter = {
    async run({ functionId, input = null }) {
      if (input === 'quota') throw new QuotaExceededError('used up', { retryAfterSeconds: 60 });
      if (input === 'fail') throw new FunctionFailedError('it failed', { members: { execution: span } });
      if (functionId.startsWith('ffffffff-ffff')) throw new NotFoundError('no such function');
      return { result: input as JsonValue, execution: span };
    },
    request: async () => span,
  };
  before(async () => {
    stage0 = await createTestStage0({ functions });
    token = await stage0.token('alice', 'acme');
    document = (await stage0.call('/openapi.json')).body;
    span = (await stage0.call('/api/spans', { token, body: good })).body.span;
    ajv = new Ajv2020({ strict: false, allErrors: true });
    ajv.addSchema({ $id: 'https://api.test/', components: document.components });
  });
  after(() => stage0.close());

  /** Asserts that the document describes an answer. */
  function assertDescribed(path: string, method: string, answer: Answer): void {
    const operation = document.paths[path]?.[method];
    const described = operation?.responses[String(answer.status)];
    assert.ok(described, `${method} ${path} answers ${answer.status}, which is not described`);
    const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const schema = described.content[type]?.schema;
    assert.ok(schema, `${method} ${path} ${answer.status} answers ${type}`);
    const text = JSON.stringify(schema).replaceAll('"#/components', '"https://api.test/#/components');
    const validate = ajv.compile(JSON.parse(text));
    assert.ok(validate(answer.body), `${path} ${answer.status}: ${ajv.errorsText(validate.errors)}`);
  }

  it('is a valid OpenAPI 3.1 document', async () => {
    assert.equal(document.openapi, '3.1.0');
    const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
    assert.ok(valid, JSON.stringify(errors));
  });

  it('names every route of the contract and nothing else, each operation once', () => {
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    // OpenAPI has no parameter for the rest of a path.
    const wanted = CONTRACT_ROUTES.map((route) => route.replace('+}', '}'));
    assert.deepEqual(described.sort(), wanted.sort());
    assert.equal(new Set(ROUTES.map(({ operation }) => operation)).size, ROUTES.length);
  });

  it('every described success is a real answer of the route', async () => {
    const call = async (
      path: string,
      method: string,
      status: number,
      url: string,
      options = {},
    ): Promise<void> => {
      const answer = await stage0.call(url, { token, ...options });
      assert.equal(answer.status, status, JSON.stringify(answer.body).slice(0, 300));
      assertDescribed(path, method, answer);
    };
    const id = randomUUID();
    await call('/api/spans', 'post', 201, '/api/spans', { body: { ...good, id, metadata: { a: [1] } } });
    await call('/api/spans', 'post', 200, '/api/spans', { body: { ...good, id, metadata: { a: [1] } } });
    await call('/api/spans', 'post', 201, '/api/spans', { body: [good, good] });
    await call('/api/spans', 'post', 201, '/api/spans', {
      body: { ...good, entity_type: 'manifest', name: 'mine' },
    });
    for (const order of ['desc', 'asc', 'feed'])
      await call('/api/timeline', 'get', 200, `/api/timeline?order=${order}`);
    await call('/api/spans/{id}', 'get', 200, `/api/spans/${id}`);
    await call('/api/spans/{id}', 'get', 200, `/api/spans/${id}?seq=0`);
    await call('/api/manifest/{name}', 'get', 200, '/api/manifest/mine');
    await call('/api/execute/{function_id}', 'post', 200, `/api/execute/${id}`, {
      body: { input: { a: 1 } },
    });
    await call('/api/execute/{function_id}', 'post', 200, `/api/execute/${id}`, { method: 'POST' });
    await call('/api/execute/{function_id}', 'post', 202, `/api/execute/${id}`, {
      body: {},
      headers: { prefer: 'respond-async' },
    });
    const operator = { token: await stage0.token('system', 'system'), body: [signedSpan()] };
    await call('/api/import', 'post', 201, '/api/import', operator);
    await call('/api/import', 'post', 200, '/api/import', operator);
    const { tenant_id, id: spanId, seq, owner_id, curr_hash } = operator.body[0] ?? signedSpan();
    await call('/api/import/compare', 'post', 200, '/api/import/compare', {
      token: operator.token,
      body: {
        tenant_id,
        versions: [
          { id: spanId, seq, owner_id, curr_hash },
          { id, seq, owner_id, curr_hash },
        ],
      },
    });
    await call('/api/health', 'get', 200, '/api/health');
    await call('/openapi.json', 'get', 200, '/openapi.json');
  });

  it('every refusal that a caller can bring about is described for its route', async () => {
    const id = randomUUID();
    const readOnly = await stage0.token('alice', 'acme', ['timeline:read']);
    const writeOnly = await stage0.token('alice', 'acme', ['spans:write']);
    const operator = await stage0.token('system', 'system');
    const bad = { token: 'x' };
    const text = { token, raw: 'x', headers: { 'content-type': 'text/plain' } };
    const large = { token, raw: ' '.repeat(4 * 1024 * 1024 + 1) };
    const calls: readonly (readonly [string, string, number, string, object])[] = [
      ['/api/spans', 'post', 400, '/api/spans', { token, raw: '{' }],
      ['/api/spans', 'post', 401, '/api/spans', { body: good }],
      ['/api/spans', 'post', 403, '/api/spans', { token: readOnly, body: good }],
      ['/api/spans', 'post', 409, '/api/spans', { token, body: { ...good, id, seq: 3 } }],
      ['/api/spans', 'post', 413, '/api/spans', large],
      ['/api/spans', 'post', 415, '/api/spans', text],
      ['/api/spans', 'post', 422, '/api/spans', { token, body: { ...span, this: 'changed' } }],
      ['/api/import', 'post', 400, '/api/import', { token: operator, body: [good] }],
      ['/api/import', 'post', 401, '/api/import', { body: [good] }],
      ['/api/import', 'post', 403, '/api/import', { token, body: [signedSpan()] }],
      [
        '/api/import',
        'post',
        409,
        '/api/import',
        { token: operator, body: [signedSpan({ seq: 3, prev_hash: 'ab'.repeat(32) })] },
      ],
      ['/api/import', 'post', 413, '/api/import', { ...large, token: operator }],
      ['/api/import', 'post', 415, '/api/import', { ...text, token: operator }],
      [
        '/api/import',
        'post',
        422,
        '/api/import',
        { token: operator, body: [{ ...signedSpan(), this: 'changed' }] },
      ],
      ['/api/import/compare', 'post', 400, '/api/import/compare', { token: operator, body: {} }],
      ['/api/import/compare', 'post', 401, '/api/import/compare', { body: {} }],
      ['/api/import/compare', 'post', 403, '/api/import/compare', { token, body: {} }],
      ['/api/import/compare', 'post', 413, '/api/import/compare', { ...large, token: operator }],
      ['/api/import/compare', 'post', 415, '/api/import/compare', { ...text, token: operator }],
      ['/api/timeline', 'get', 400, '/api/timeline?limit=0', { token }],
      ['/api/timeline', 'get', 401, '/api/timeline', bad],
      ['/api/timeline', 'get', 403, '/api/timeline', { token: writeOnly }],
      ['/api/spans/{id}', 'get', 400, '/api/spans/x', { token }],
      ['/api/spans/{id}', 'get', 401, `/api/spans/${id}`, bad],
      ['/api/spans/{id}', 'get', 403, `/api/spans/${id}`, { token: writeOnly }],
      ['/api/spans/{id}', 'get', 404, `/api/spans/${id}`, { token }],
      ['/api/manifest/{name}', 'get', 401, '/api/manifest/x', bad],
      ['/api/manifest/{name}', 'get', 403, '/api/manifest/x', { token: writeOnly }],
      ['/api/manifest/{name}', 'get', 404, '/api/manifest/x', { token }],
      ['/api/execute/{function_id}', 'post', 400, '/api/execute/x', { token, body: {} }],
      ['/api/execute/{function_id}', 'post', 400, `/api/execute/${id}`, { token, body: { other: 1 } }],
      ['/api/execute/{function_id}', 'post', 401, `/api/execute/${id}`, { body: {} }],
      ['/api/execute/{function_id}', 'post', 403, `/api/execute/${id}`, { token: readOnly, body: {} }],
      [
        '/api/execute/{function_id}',
        'post',
        404,
        '/api/execute/ffffffff-ffff-4fff-8fff-ffffffffffff',
        { token, body: {} },
      ],
      ['/api/execute/{function_id}', 'post', 413, `/api/execute/${id}`, large],
      ['/api/execute/{function_id}', 'post', 415, `/api/execute/${id}`, text],
      ['/api/execute/{function_id}', 'post', 422, `/api/execute/${id}`, { token, body: { input: 'fail' } }],
      ['/api/execute/{function_id}', 'post', 429, `/api/execute/${id}`, { token, body: { input: 'quota' } }],
    ];
    for (const [path, method, status, url, options] of calls) {
      const answer = await stage0.call(url, options);
      assert.equal(answer.status, status, `${method} ${url}: ${JSON.stringify(answer.body).slice(0, 300)}`);
      assertDescribed(path, method, answer);
    }
  });

  it('every route that needs the database describes 503', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const operation of Object.values(methods)) assert.ok(operation.responses['503'], path);
    }
  });

  it('describes the parameters that a route takes, and a route takes no others', async () => {
    const query = (path: string) =>
      (document.paths[path]?.get?.parameters ?? [])
        .filter((one) => one.in === 'query')
        .map((one) => one.name);
    assert.deepEqual(query('/api/timeline').sort(), [
      'after',
      'cursor',
      'did',
      'entity_type',
      'from',
      'limit',
      'name',
      'order',
      'owner_id',
      'parent_id',
      'related_to',
      'since',
      'status',
      'tenant_id',
      'trace_id',
      'until',
      'visibility',
      'who',
    ]);
    assert.deepEqual(query('/api/spans/{id}').sort(), ['cursor', 'seq']);
    for (const url of ['/api/timeline?nonsense=1', `/api/spans/${randomUUID()}?nonsense=1`]) {
      assert.equal((await stage0.call(url, { token })).status, 400);
    }
  });
});
