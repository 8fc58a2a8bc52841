import assert from 'node:assert/strict';
import fc from 'fast-check';
import { connectionsOf, memoryGib } from '../../infra/aws-facts';
import { dailyExpression, tickDelays } from '../../infra/cadence-expression';
import { ipv4Subnet, ipv6Subnet, parseIpv4Block } from '../../infra/cidr';
import { fittingConcurrency } from '../../infra/function-settings';
import { READER_PROBES } from '../../runtime/db/reader';
import { connectionLimit } from '../../runtime/db/roles';
import { SCHEDULE } from '../../runtime/host/schedule';
import { CONNECTIONS_PER_INSTANCE } from '../../runtime/lambda/environment';
import { isScheduleExpression } from './schedule-expression';

describe('addresses', () => {
  it('cut a block into parts that cover it without overlap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 22 }), fc.integer({ min: 0, max: 255 }), (bits, second) => {
        const block = parseIpv4Block(`10.${second}.0.0/${bits}`);
        assert.ok(block);
        const parts = Array.from({ length: 16 }, (_, index) => parseIpv4Block(ipv4Subnet(block, 4, index)));
        for (const [index, part] of parts.entries()) {
          assert.ok(part);
          assert.equal(part.bits, bits + 4);
          assert.equal(part.address, block.address + index * 2 ** (28 - bits));
        }
      }),
    );
  });

  it('refuse a part that does not exist', () => {
    const block = parseIpv4Block('10.0.0.0/16');
    assert.ok(block);
    assert.throws(() => ipv4Subnet(block, 4, 16), RangeError);
    assert.throws(() => ipv4Subnet(block, 17, 0), RangeError);
  });

  for (const text of ['10.0.0.0', '10.0.0/16', '10.0.0.256/16', '10.0.0.0/33', '10.0.0.1/16', 'ten']) {
    it(`are not read from "${text}"`, () => assert.equal(parseIpv4Block(text), undefined));
  }

  const sixes: [string, number, string][] = [
    ['2600:1f18:abcd:1200::/56', 3, '2600:1f18:abcd:1203::/64'],
    ['2600:1f18:abcd:1200::/56', 255, '2600:1f18:abcd:12ff::/64'],
    ['2600:1f18:abcd::/56', 1, '2600:1f18:abcd:1::/64'],
  ];
  for (const [block, index, expected] of sixes) {
    it(`make ${expected} of ${block}`, () => assert.equal(ipv6Subnet(block, index), expected));
  }

  it('refuse an IPv6 block of another size', () => {
    assert.throws(() => ipv6Subnet('2600:1f18:abcd:1200::/64', 0), RangeError);
    assert.throws(() => ipv6Subnet('2600:1f18:abcd:12ab::/56', 0), RangeError);
    assert.throws(() => ipv6Subnet('2600:1f18:abcd:1200::/56', 256), RangeError);
  });
});

describe('the schedule in the words of AWS', () => {
  it('fills a minute with delayed ticks', () => {
    assert.deepEqual(tickDelays({ kind: 'interval', everySeconds: 10 }), [0, 10, 20, 30, 40, 50]);
    assert.deepEqual(tickDelays({ kind: 'interval', everySeconds: 30 }), [0, 30]);
    assert.deepEqual(tickDelays({ kind: 'interval', everySeconds: 60 }), [0]);
  });

  for (const everySeconds of [0, -1, 7, 5, 90, 0.5]) {
    it(`refuses a cadence of ${everySeconds} s`, () =>
      assert.throws(() => tickDelays({ kind: 'interval', everySeconds }), RangeError));
  }

  it('writes a time of day as cron', () => {
    const at = (time: string) => dailyExpression({ kind: 'daily', at: time, timezone: 'Europe/Paris' });
    assert.equal(at('00:00'), 'cron(0 0 * * ? *)');
    assert.equal(at('23:05'), 'cron(5 23 * * ? *)');
    assert.throws(() => at('24:00'), RangeError);
  });

  const expressions: [string, boolean][] = [
    ['rate(1 minute)', true],
    ['rate(5 minutes)', true],
    ['cron(0 0 * * ? *)', true],
    ['rate(10 seconds)', false],
    ['rate(1 minutes)', false],
    ['rate(5 minute)', false],
    ['rate(0 minutes)', false],
    ['cron(0 0 * * *)', false],
    ['cron(0 0 * * * *)', false],
    ['cron(0 0 ? * ? *)', false],
    ['*/10 * * * *', false],
  ];
  for (const [text, accepted] of expressions) {
    it(`${accepted ? 'accepts' : 'refuses'} ${text}`, () =>
      assert.equal(isScheduleExpression(text), accepted));
  }

  it('covers the whole table of the runtime', () => {
    for (const { cadence } of SCHEDULE) {
      if (cadence.kind === 'interval') {
        assert.equal(tickDelays(cadence).length, 60 / cadence.everySeconds);
      } else {
        assert.ok(isScheduleExpression(dailyExpression(cadence)));
      }
    }
  });
});

describe('connections', () => {
  it('are counted by the memory of the instance class', () => {
    const limit = (instanceClass: string) => connectionsOf(memoryGib(instanceClass));
    assert.equal(limit('db.t4g.micro'), 101);
    assert.ok(limit('db.r7g.large') > limit('db.m7g.large'));
    assert.equal(limit('db.r7g.16xlarge'), 5_000);
  });

  it('of all copies of the API fit into half of a writer, and with a probe each into one reader', () => {
    for (const maxConnections of [60, 101, 202, 410, 1_000, 5_000]) {
      const limit = connectionLimit('app', maxConnections);
      const copies = fittingConcurrency(maxConnections);
      assert.ok(copies === 2 || copies * CONNECTIONS_PER_INSTANCE <= limit / 2, `${maxConnections}`);
      assert.ok(copies * (CONNECTIONS_PER_INSTANCE + READER_PROBES) <= limit, `${maxConnections}`);
    }
  });
});
