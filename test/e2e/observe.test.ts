import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KERNEL_IDS } from '../../runtime/kernels/stable-ids';
import { append } from '../support/api';
import { cleanUp, type LocalRun, runCommand, startLocalRun, temporaryFolder } from '../support/local-run';
import { until } from '../support/until';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

interface TraceSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
  readonly status: { readonly code?: number };
}

describe('a local run that is watched', function () {
  this.timeout(180_000);
  let data: string;
  let local: LocalRun;
  let collector: Server;
  let service: Server;
  let metricsUrl: string;
  const exported: TraceSpan[] = [];
  const called: (string | undefined)[] = [];

  before(async () => {
    data = await temporaryFolder();
    collector = await listen((path, type, body) => {
      assert.deepEqual([path, type], ['/v1/traces', 'application/json']);
      exported.push(...spansOf(JSON.parse(body)));
      return '{}';
    });
    service = await listen((_path, _type, _body, traceparent) => {
      called.push(traceparent);
      return '{"answer":42}';
    });
    local = await startLocalRun(data, {
      env: { LOGLINE_METRICS_PORT: '0', OTEL_EXPORTER_OTLP_ENDPOINT: urlOf(collector) },
    });
    metricsUrl = /http:\S+\/metrics/.exec(local.output())?.[0] ?? '';
  });
  after(async () => {
    await local?.stop();
    await cleanUp(data);
    for (const server of [collector, service]) server?.close();
  });

  // biome-ignore lint/suspicious/noExplicitAny: the shape of an answer is what a test asserts
  async function post(where: string, body: unknown, headers: object = {}, token = local.token): Promise<any> {
    const response = await fetch(`${local.url}${where}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as object;
    assert.ok(response.ok, JSON.stringify(answer));
    return answer;
  }

  const traced = { traceparent: `00-${TRACE}-${CALLER}-01` };
  const named = (name: string, parent?: string) =>
    exported.filter(
      (span) =>
        span.traceId === TRACE &&
        span.name === name &&
        (parent === undefined || span.parentSpanId === parent),
    );
  const tailOf = (id: string): string => id.replaceAll('-', '').slice(16);

  async function metric(line: string): Promise<number> {
    const text = await (await fetch(metricsUrl)).text();
    return Number(
      text
        .split('\n')
        .find((one) => one.startsWith(`${line} `))
        ?.slice(line.length + 1) ?? 0,
    );
  }

  it('exports one trace from the caller over request and run to the call of a provider, as OTLP in JSON', async () => {
    await allowProvider();
    const fn = await post('/api/spans', {
      entity_type: 'function',
      who: 'e2e',
      this: 'f',
      code: 'function main() { return 1; }',
    });
    const ran = await post(`/api/execute/${fn.span.id}`, {}, traced);
    const queued = await post(`/api/execute/${fn.span.id}`, {}, { ...traced, prefer: 'respond-async' });
    await append(local.url, local.token, {
      entity_type: 'provider',
      who: 'e2e',
      this: 'p',
      name: 'p',
      metadata: { kind: 'http', base_url: urlOf(service), method: 'POST' },
    });
    const provider = { input: { provider: 'p', input: { body: {} } } };
    const ask = (headers: object) => post(`/api/execute/${KERNEL_IDS.provider_exec}`, provider, headers);
    await until('the manifest of before is forgotten', () =>
      ask({}).then(
        () => true,
        () => false,
      ),
    );
    called.length = 0;
    const asked = await ask(traced);
    await until(
      'the request was run, and all of it exported',
      () =>
        named('run_code').length === 2 && named('POST').length === 1 && named('provider_exec').length === 1,
      60_000,
    );

    const requests = named('POST /api/execute/{function_id}', CALLER);
    assert.equal(requests.length, 3);
    const parentOf = (id: string) =>
      named('run_code')
        .concat(named('provider_exec'))
        .find((span) => span.spanId === tailOf(id))?.parentSpanId;
    const [direct, later] = [
      named('run_code').find(({ spanId }) => spanId === tailOf(ran.execution.id)),
      named('run_code').find(({ spanId }) => spanId !== tailOf(ran.execution.id)),
    ];
    assert.ok(direct && later);
    const parents = [parentOf(ran.execution.id), later.parentSpanId, parentOf(asked.execution.id)];
    assert.deepEqual([...parents].sort(), requests.map(({ spanId }) => spanId).sort());
    assert.equal(queued.request.metadata.parent_span_id, later.parentSpanId);
    const [call] = named('POST', tailOf(asked.execution.id));
    assert.deepEqual(called, [`00-${TRACE}-${call?.spanId}-01`]);
    assert.deepEqual([requests[0]?.kind, direct.kind, call?.kind], [2, 1, 3]);
    for (const span of exported) checkForm(span);
  });

  it('counts a run, a kill of the sandbox and a commit on /metrics as soon as they happened', async () => {
    const outcomes = ['ok', 'cpu_limit'].map((outcome) => `logline_sandbox_runs_total{outcome="${outcome}"}`);
    const lines = [...outcomes, 'logline_sandbox_kills_total', 'logline_append_group_size_count'];
    const before = await Promise.all(lines.map(metric));
    for (const code of ['function main() { return 1; }', 'function main() { for (;;); }']) {
      const { span } = await post('/api/spans', { entity_type: 'function', who: 'e2e', this: 'f', code });
      await fetch(`${local.url}/api/execute/${span.id}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${local.token}` },
      });
    }
    await until('each has grown', async () => {
      const now = await Promise.all(lines.map(metric));
      return now.every((value, index) => value > (before[index] ?? 0));
    });
  });

  /** The next version of the manifest lets providers call the service of this test. */
  async function allowProvider(): Promise<void> {
    const { stdout } = await runCommand(['token', '--user', 'system', '--tenant', 'system'], {
      env: { LOGLINE_DATA: data },
    });
    const { manifest } = (await (await fetch(`${local.url}/api/manifest/kernel_manifest`)).json()) as {
      manifest: Record<string, unknown> & { seq: number; metadata: object };
    };
    const { id, seq, entity_type, who, this: what, name, visibility, metadata } = manifest;
    const hosts = [`127.0.0.1:${(service.address() as AddressInfo).port}`];
    await post(
      '/api/spans',
      {
        id,
        seq: seq + 1,
        entity_type,
        who,
        this: what,
        name,
        visibility,
        metadata: { ...metadata, provider: { hosts } },
      },
      {},
      stdout.trim(),
    );
  }
});

/** Asserts OTLP's JSON encoding: ids in lower-case hex, 64-bit numbers as decimal strings, enumerations as numbers. */
function checkForm(span: TraceSpan): void {
  assert.match(span.traceId, /^(?!0+$)[0-9a-f]{32}$/);
  assert.match(span.spanId, /^(?!0+$)[0-9a-f]{16}$/);
  if (span.parentSpanId !== undefined) assert.match(span.parentSpanId, /^(?!0+$)[0-9a-f]{16}$/);
  assert.ok(span.name !== '' && [1, 2, 3].includes(span.kind));
  assert.match(span.startTimeUnixNano, /^\d{19}$/);
  assert.ok(BigInt(span.startTimeUnixNano) <= BigInt(span.endTimeUnixNano));
  for (const { key, value } of span.attributes) {
    const [[type, content] = []] = Object.entries(value);
    assert.ok(type === 'stringValue' || (type === 'intValue' && /^\d+$/.test(String(content))), key);
    assert.equal(typeof content, 'string');
  }
  assert.ok(span.status.code === undefined || span.status.code === 2);
}

function spansOf(body: {
  resourceSpans: {
    resource: { attributes: { key: string; value: object }[] };
    scopeSpans: { spans: TraceSpan[] }[];
  }[];
}): TraceSpan[] {
  return body.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    assert.deepEqual(resource.attributes, [{ key: 'service.name', value: { stringValue: 'logline' } }]);
    return scopeSpans.flatMap(({ spans }) => spans);
  });
}

async function listen(
  answer: (path: string, type: string, body: string, traceparent: string | undefined) => string,
): Promise<Server> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const { 'content-type': type = '', traceparent } = request.headers;
      response.setHeader('content-type', 'application/json');
      response.end(answer(request.url ?? '', type, body, traceparent?.toString()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
