import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { OtlpTraces } from '../../local/otlp-traces';
import { requestSpan } from '../../local/trace-span';
import { startWatching, type Watch } from '../../local/watch';
import type { Database } from '../../runtime/db/pool';
import type { SeenRequest } from '../../runtime/stage0/stage0';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly gridPos: { readonly x: number; readonly y: number };
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';

const seen = (change: Partial<SeenRequest> = {}): SeenRequest => ({
  operation: 'appendSpans',
  method: 'POST',
  route: '/api/spans',
  status: 201,
  durationMs: 7,
  traceId: TRACE,
  spanId: undefined,
  traceparent: null,
  ...change,
});

describe('/metrics', () => {
  let stage0: TestStage0;
  let watch: Watch;
  const pools: { app?: Database } = {};
  before(async () => {
    stage0 = await createTestStage0();
    pools.app = stage0.pool;
    watch = await startWatching({
      metricsPort: 0,
      otlpEndpoint: undefined,
      auditor: { connectionString: stage0.database.urls.auditor },
      pool: () => pools.app,
      onTrouble: (message) => assert.fail(message),
    });
  });
  after(async () => {
    await watch.close();
    await stage0.close();
  });

  const get = (path: string, host?: string): Promise<{ status: number; text: string; type: string }> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(watch.metricsUrl ?? '');
      const headers = host === undefined ? {} : { host };
      httpRequest({ port, host: '127.0.0.1', path, headers }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text, type: response.headers['content-type'] ?? '' }),
        );
      })
        .on('error', reject)
        .end();
    });

  it("reports requests, latencies, connections, queue and database in Prometheus's text format", async () => {
    watch.onRequest?.(seen());
    watch.onRequest?.(seen({ status: 429, durationMs: 700 }));
    for (const batches of [1, 1, 20]) watch.onCommit?.(batches);
    watch.onRun?.({ outcome: 'ok', isKilled: false });
    watch.onRun?.({ outcome: 'cpu_limit', isKilled: true });
    const { status, text, type } = await get('/metrics');
    assert.equal(status, 200);
    assert.match(type, /^text\/plain; version=0\.0\.4/);
    for (const line of [
      'logline_requests_total{operation="appendSpans",status="201"} 1',
      'logline_requests_total{operation="appendSpans",status="429"} 1',
      'logline_request_duration_seconds_bucket{le="0.01",operation="appendSpans"} 1',
      'logline_request_duration_seconds_count{operation="appendSpans"} 2',
      'logline_append_group_size_bucket{le="1"} 2',
      'logline_append_group_size_sum 22',
      'logline_sandbox_runs_total{outcome="cpu_limit"} 1',
      'logline_sandbox_runs_total{outcome="ok"} 1',
      'logline_sandbox_kills_total 1',
      'logline_queue_depth 0',
      'logline_database_up 1',
    ]) {
      assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`);
    }
    assert.match(text, /^logline_pool_connections\{state="idle"\} \d+$/m);
    // Only these labels may occur, none of which names a tenant or user.
    const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label));
    assert.deepEqual([...labels].sort(), ['le', 'operation', 'outcome', 'state', 'status']);
  });

  it('has exactly the metrics of the dashboard and the guide', async () => {
    const { text } = await get('/metrics');
    const served = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name).sort();
    assert.ok(served.length >= 15, text);
    const folder = join(__dirname, '..', '..', 'docs');
    const dashboard = JSON.parse(await readFile(join(folder, 'grafana.json'), 'utf8')) as Dashboard;
    const shown = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const guide = await readFile(join(folder, 'operations.md'), 'utf8');
    for (const [where, words] of [
      ['grafana.json', shown.join(' ')],
      ['operations.md', /LOGLINE_METRICS_PORT=[\s\S]*?grafana\.json/.exec(guide)?.[0] ?? ''],
    ] as const) {
      const names = words.match(/\blogline_\w+/g) ?? [];
      const known = names.map((name) => (served.includes(name) ? name : name.replace(/_bucket$/, '')));
      assert.deepEqual([...new Set(known)].sort(), served, where);
    }
    const places = dashboard.panels.map(({ id, gridPos: { x, y } }) => `${id} ${x} ${y}`);
    assert.deepEqual(
      places,
      dashboard.panels.map((_, n) => `${n + 1} ${12 * (n % 2)} ${8 * Math.floor(n / 2)}`),
    );
  });

  it('answers on loopback only, to requests with a loopback Host', async () => {
    assert.equal(new URL(watch.metricsUrl ?? '').hostname, '127.0.0.1');
    assert.equal((await get('/metrics', 'localhost:9090')).status, 200);
    assert.equal((await get('/metrics', 'evil.example')).status, 421);
    assert.equal((await get('/api/spans')).status, 404);
  });
});

describe('traces', () => {
  it('go to a collector in batches, with the caller as parent; an unreachable one fails no request', async () => {
    const bodies: { resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[] }[] = [];
    const collector = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => {
        assert.equal(request.url, '/v1/traces');
        bodies.push(JSON.parse(text));
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const { port } = collector.address() as AddressInfo;
    const told: string[] = [];
    const traces = new OtlpTraces({
      endpoint: `http://127.0.0.1:${port}`,
      onTrouble: (line) => told.push(line),
    });
    traces.add(requestSpan(seen({ traceparent: `00-${TRACE}-b7ad6b7169203331-01` })));
    for (let number = 0; number < 10_000; number += 1) traces.add(requestSpan(seen({ status: 503 })));
    await traces.close();
    const spans = bodies.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
    );
    assert.equal(spans.length, 4_096);
    assert.ok(bodies.length >= 8);
    assert.deepEqual(
      [spans[0]?.traceId, spans[0]?.parentSpanId, spans[0]?.name],
      [TRACE, 'b7ad6b7169203331', 'POST /api/spans'],
    );
    assert.match(String(spans[0]?.startTimeUnixNano), /^\d{19}$/);
    assert.deepEqual(spans[1]?.status, { code: 2 });
    await new Promise<void>((resolve) => collector.close(() => resolve()));
    collector.closeAllConnections();
    const gone = new OtlpTraces({
      endpoint: `http://127.0.0.1:${port}`,
      onTrouble: (line) => told.push(line),
    });
    gone.add(requestSpan(seen()));
    await gone.flush();
    gone.add(requestSpan(seen()));
    await gone.close();
    assert.equal(told.length, 1);
  });
});
