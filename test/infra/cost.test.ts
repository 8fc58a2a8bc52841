import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { costOf, costReport, costTable } from '../../cli/cost/cost-report';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { readStackFile } from '../../infra/dry-run';
import { loadRun } from './subject';

describe('the cost of a stack', function () {
  this.timeout(300_000);

  it('stays within $33 a month for dev with proofs and all that watches', async () => {
    const config = {
      ...readStackFile('dev'),
      'logline:proofs': { enabled: true },
      'logline:monitoring': { dashboard: true, detailed: true, alarmEmail: 'ops@example.com' },
    };
    const report = await costReport({ stack: 'dev', config });
    assert.ok(report.totalUsd <= 33, costTable(report));
    assert.ok(report.lines.some(({ item }) => item === 'guard of the proofs'));
    assert.ok(report.lines.some(({ item }) => item === 'dashboard'));
  });

  it('stays within $27 a month for dev', async () => {
    const report = costOf('dev', (await loadRun('dev')).resources);
    assert.ok(report.totalUsd <= 27, costTable(report));
    assert.deepEqual(report.unpriced, []);
  });

  it('is around $212 a month for prod', async () => {
    const report = costOf('prod', (await loadRun('prod')).resources);
    assert.ok(report.totalUsd > 190 && report.totalUsd < 235, costTable(report));
    assert.deepEqual(report.unpriced, []);
  });

  it('matches README', async () => {
    const readme = await readFile(path.join(REPOSITORY_ROOT, 'README.md'), 'utf8');
    for (const stack of ['dev', 'prod'] as const) {
      const { totalUsd } = costOf(stack, (await loadRun(stack)).resources);
      assert.ok(
        readme.includes(`${stack} $${totalUsd.toFixed(2)}`),
        `${stack} costs $${totalUsd.toFixed(2)}`,
      );
    }
  });

  it('counts a distribution, its firewall by the rule, and its way out in place of the region', async () => {
    const { resources } = await loadRun('staging with every option');
    const report = costOf('staging', resources);
    assert.deepEqual(report.unpriced, []);
    const priceOf = (item: string) => report.lines.find((line) => line.item === item)?.monthlyUsd;
    // 100,000 requests: $1.00 a million; $5, two rules of $1, and $0.60 a million.
    assert.equal(priceOf('distribution'), 0.1);
    assert.equal(priceOf('firewall'), 7.06);
    assert.match(report.lines.find(({ item }) => item === 'data out')?.basis ?? '', /CloudFront/);
  });

  it('is the sum of its lines, and marked as not verified', () => {
    const report = costOf('dev', [
      { type: 'aws:kms/key:Key', name: 'k', custom: true, protect: false, inputs: {} },
      { type: 'aws:secretsmanager/secret:Secret', name: 's', custom: true, protect: false, inputs: {} },
    ]);
    const sum = report.lines.reduce((total, { monthlyUsd }) => total + monthlyUsd, 0);
    assert.ok(Math.abs(sum - report.totalUsd) < 0.01);
    assert.match(costTable(report), /not verified against AWS/);
    assert.match(costTable(report), /2026-\d\d-\d\d/);
  });

  it('names resources without a price instead of counting them as free', () => {
    const resource = (type: string, inputs: Record<string, unknown>) => ({
      type,
      name: 'x',
      custom: true,
      protect: false,
      inputs,
    });
    const report = costOf('dev', [
      resource('aws:elasticache/cluster:Cluster', {}),
      resource('aws:rds/instance:Instance', { instanceClass: 'db.r9g.large', allocatedStorage: 20 }),
    ]);
    assert.deepEqual(report.unpriced, [
      'aws:elasticache/cluster:Cluster',
      'aws:rds/instance:Instance of class db.r9g.large',
    ]);
    assert.match(costTable(report), /not counted: aws:elasticache/);
  });

  it('doubles the database for a standby, and counts NAT gateways', () => {
    const database = (multiAz: boolean) => ({
      type: 'aws:rds/instance:Instance',
      name: 'db',
      custom: true,
      protect: false,
      inputs: { instanceClass: 'db.t4g.micro', allocatedStorage: 20, multiAz },
    });
    const nat = {
      type: 'aws:ec2/natGateway:NatGateway',
      name: 'n',
      custom: true,
      protect: false,
      inputs: {},
    };
    const base = costOf('x', []).totalUsd;
    const single = costOf('x', [database(false)]).totalUsd - base;
    assert.ok(Math.abs(single - 13.98) < 0.01);
    assert.ok(Math.abs(costOf('x', [database(true)]).totalUsd - base - 2 * single) < 0.01);
    assert.ok(Math.abs(costOf('x', [nat]).totalUsd - base - 33.3) < 0.01);
  });
});
