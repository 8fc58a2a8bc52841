// `node --require` of a local run under test: its clock is as far off as the file `logline` in the folder LOGLINE_TEST_CLOCK
// says, and that of the PostgreSQL it starts as far as the file `postgres` there, by the libfaketime that LOGLINE_TEST_FAKETIME
// names.

const childProcess = require('node:child_process');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { shiftDate } = require('../support/shifted-date');

const LOOK_MS = 20;
const { LOGLINE_TEST_CLOCK: folder = '', LOGLINE_TEST_FAKETIME: libfaketime } = process.env;

let offsetMs = 0;
const look = () => {
  offsetMs = Number(readFileSync(path.join(folder, 'logline'), 'utf8')) * 1_000;
};
look();
setInterval(look, LOOK_MS).unref();
shiftDate(() => offsetMs);

if (libfaketime !== undefined) {
  const { spawn } = childProcess;
  const faked = {
    LD_PRELOAD: libfaketime,
    FAKETIME_TIMESTAMP_FILE: path.join(folder, 'postgres'),
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  };
  childProcess.spawn = (command, args, options) => {
    const isServer = args.some((arg) => path.basename(arg) === 'postgres');
    return spawn(command, args, isServer ? { ...options, env: { ...options.env, ...faked } } : options);
  };
}
