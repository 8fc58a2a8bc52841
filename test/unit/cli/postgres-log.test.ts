import assert from 'node:assert/strict';
import { explainPostgresLog, isMemoryHeld, isPortTaken } from '../../../local/postgres-log';

describe('explainPostgresLog', () => {
  for (const [line, expected] of [
    [
      'FATAL:  could not write to file "pg_wal/xlogtemp.81": No space left on device',
      /disk .* is full; free some space/,
    ],
    [
      'FATAL:  data directory "/data/postgres" has wrong ownership',
      /may not use \/data\/postgres .*mode 0700/,
    ],
    ['FATAL:  database files are incompatible with server', /made by another PostgreSQL version/],
    ['PANIC:  could not locate a valid checkpoint record', /is broken .*restore it from a backup/],
    ['FATAL:  could not open file "global/pg_filenode.map": No such file or directory', /is broken/],
    [
      'postgres: error while loading shared libraries: libicuuc.so.60',
      /cannot run on this system.*DATABASE_URL/,
    ],
    ['FATAL:  could not create shared memory segment: Cannot allocate memory', /too little memory/],
    [
      'FATAL:  something nobody has seen yet',
      /did not start \(something nobody has seen yet\); see \/data\/postgres\.log/,
    ],
  ] as const) {
    it(`explains "${line}" in one line`, () => {
      const text = explainPostgresLog(
        `2026-01-01 00:00:00.000 UTC [7] ${line}\n`,
        '/data/postgres',
        '/data/postgres.log',
      );
      assert.match(text, expected);
      assert.ok(!text.includes('\n'));
    });
  }

  it('distinguishes a taken port from other faults', () => {
    assert.ok(isPortTaken('LOG:  could not bind IPv4 address "127.0.0.1": Address already in use'));
    assert.ok(!isPortTaken('FATAL:  database files are incompatible with server'));
  });

  it('distinguishes sessions that outlive their server from other faults', () => {
    assert.ok(isMemoryHeld('FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use'));
  });
});
