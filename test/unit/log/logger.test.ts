import assert from 'node:assert/strict';
import { DatabaseError } from 'pg';
import { createLogger, type Logger } from '../../../runtime/log/logger';

/** The lines that a program writes to a logger, parsed. */
function linesOf(program: (logger: Logger) => void): readonly Record<string, unknown>[] {
  const written: string[] = [];
  program(createLogger('stage0', { write: (line) => written.push(line) }));
  return written.map((line) => {
    assert.match(line, /^[^\n]+\n$/);
    return JSON.parse(line);
  });
}

describe('the logger', () => {
  const level = process.env.LOGLINE_LOG_LEVEL;
  afterEach(() => {
    if (level === undefined) delete process.env.LOGLINE_LOG_LEVEL;
    else process.env.LOGLINE_LOG_LEVEL = level;
  });

  it('writes one JSON object a line: level, time, service, the fields, and the message last', () => {
    const [line = {}, ...others] = linesOf((logger) => logger.info({ tenant: 'acme', text: 'a\nb' }, 'done'));
    assert.deepEqual(others, []);
    assert.deepEqual(Object.keys(line), ['level', 'time', 'service', 'tenant', 'text', 'msg']);
    assert.equal(line.time, new Date(String(line.time)).toISOString());
    assert.deepEqual(
      { ...line, time: '' },
      { level: 'info', time: '', service: 'stage0', tenant: 'acme', text: 'a\nb', msg: 'done' },
    );
  });

  it('writes a message alone as well, and fields alone', () => {
    const [first, second] = linesOf((logger) => {
      logger.warn('here');
      logger.error({ code: 7 });
    });
    assert.equal(first?.msg, 'here');
    assert.equal(second?.code, 7);
    assert.ok(!('msg' in (second ?? {})));
  });

  for (const [mildest, written] of [
    ['debug', 'debug info warn error'],
    [undefined, 'info warn error'],
    ['nonsense', 'info warn error'],
    ['error', 'error'],
    ['fatal', ''],
    ['silent', ''],
  ] as const) {
    it(`writes from LOGLINE_LOG_LEVEL on, which is ${mildest ?? 'not set'}: ${written || 'nothing'}`, () => {
      if (mildest === undefined) delete process.env.LOGLINE_LOG_LEVEL;
      else process.env.LOGLINE_LOG_LEVEL = mildest;
      const lines = linesOf((logger) => {
        for (const name of ['debug', 'info', 'warn', 'error'] as const) logger[name]('x');
      });
      assert.equal(lines.map((line) => line.level).join(' '), written);
    });
  }

  it('writes of a database error the code and the names in the schema, never values of the row', () => {
    const error = new DatabaseError('Key (id)=(secret) exists', 10, 'error');
    error.code = '23505';
    error.detail = 'secret';
    error.table = 'universal_registry';
    const [line = {}] = linesOf((logger) => logger.error({ err: new Error('outer', { cause: error }) }));
    assert.ok(!JSON.stringify(line).includes('secret'));
    assert.match(JSON.stringify(line.err), /"message":"outer".*"code":"23505","table":"universal_registry"/);
  });

  it('loses fields that JSON cannot hold, and not the line', () => {
    const circle: { self?: object } = {};
    circle.self = circle;
    const lines = linesOf((logger) => {
      logger.info({ circle }, 'first');
      logger.info({ big: 1n }, 'second');
    });
    assert.deepEqual(
      lines.map(({ msg, fields }) => [msg, fields]),
      [
        ['first', 'not writable as JSON'],
        ['second', 'not writable as JSON'],
      ],
    );
  });
});
