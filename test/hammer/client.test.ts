import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { LogLine } from '../../client/src';
import { verifySpan } from '../../client/src/verify';
import { freePort } from '../../local/free-port';
import { cleanUp, type LocalRun, startLocalRun, temporaryFolder } from '../support/local-run';
import { findPython } from '../support/python';
import { until } from '../support/until';
import { HAMMER_TYPE } from './numbered-span';

/** LOGLINE_HAMMER_SPANS=100000 LOGLINE_HAMMER_KILLS=3 npm test -- test/hammer/client.test.ts */
const SPANS = Number(process.env.LOGLINE_HAMMER_SPANS ?? 2_000);
const SERVER_KILLS = Number(process.env.LOGLINE_HAMMER_KILLS ?? 1);
const ROOT = path.resolve(__dirname, '..', '..');

/** A command and its first arguments. */
type Program = readonly [string, ...string[]];

const LANGUAGES: Readonly<Record<string, () => Promise<Program | { readonly missing: string }>>> = {
  'Node.js': async () => [
    process.execPath,
    '--require',
    path.join(ROOT, 'cli', 'register-typescript.js'),
    path.join(__dirname, 'poster-process.ts'),
  ],
  Python: async () => {
    const python = await findPython();
    return 'missing' in python ? python : [python.path, path.join(__dirname, 'poster.py')];
  },
};

/** The client program, and its reported progress. */
class Poster {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  output = '';

  constructor([command, ...program]: Program, first: number, store: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn(command, [...program, String(first), String(SPANS), store], { env });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    this.ended = new Promise((resolve) => this.#child.once('close', resolve));
  }

  added(): number {
    return Number([...this.output.matchAll(/^added (\d+)$/gm)].at(-1)?.[1] ?? 0);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

describe('a program that posts through kill -9 of the server and of itself', function () {
  this.timeout(240_000 + SPANS * 10);
  let data: string;
  const posters: Poster[] = [];
  beforeEach(async () => {
    data = await temporaryFolder();
  });
  afterEach(async () => {
    for (const poster of posters.splice(0)) poster.kill();
    await cleanUp(data);
    for (const suffix of ['', '.lock', '.new']) await rm(`${data}.queue${suffix}`, { force: true });
  });

  for (const [language, find] of Object.entries(LANGUAGES)) {
    it(`in ${language} loses no span and stores none twice, and a follower sees each once`, async function () {
      const program = await find();
      if ('missing' in program) {
        console.log(`      needs ${program.missing}`);
        this.skip();
      }
      await postThroughKills(program);
    });
  }

  async function postThroughKills(program: Program): Promise<void> {
    const env = { PORT: String(await freePort()) };
    let local: LocalRun = await startLocalRun(data, { env });
    const { url, token } = local;
    const start = (first: number): Poster => {
      const clients = { PYTHONPATH: path.join(ROOT, 'clients', 'python', 'src') };
      const poster = new Poster(program, first, `${data}.queue`, {
        ...process.env,
        ...clients,
        URL: url,
        TOKEN: token,
      });
      posters.push(poster);
      return poster;
    };
    const ledger = new LogLine({ url, token, retry: { deadlineMs: 120_000 } });
    const seen: string[] = [];
    const following = (async () => {
      for await (const { span } of ledger.subscribe({ entity_type: HAMMER_TYPE })) {
        seen.push(span.this);
        if (seen.length % 1_000 === 1) assert.deepEqual(await verifySpan(span), { ok: true, faults: [] });
        if (seen.length === SPANS) return;
      }
    })();

    const early = start(0);
    await until('the program has begun', () => early.added() >= SPANS / 4, 120_000);
    early.kill();
    await early.ended;
    const late = start(early.added());
    for (let kill = 1; kill <= SERVER_KILLS; kill += 1) {
      const reached = (SPANS * kill) / (SERVER_KILLS + 2);
      await until('some more is stored', () => seen.length >= reached, 240_000);
      await local.stop('SIGKILL');
      local = await startLocalRun(data, { env });
    }
    assert.equal(await late.ended, 0, late.output);
    assert.doesNotMatch(late.output, /refused/);
    await following;
    const numbers = new Set(seen);
    assert.deepEqual([seen.length, numbers.size], [SPANS, SPANS]);
    const listed = new Set<string>();
    let count = 0;
    for await (const span of ledger.timeline({ entity_type: HAMMER_TYPE, limit: 1000 })) {
      listed.add(span.this);
      count += 1;
    }
    assert.deepEqual([count, listed], [SPANS, numbers]);
    await local.stop();
  }
});
