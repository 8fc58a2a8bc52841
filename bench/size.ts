import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { buildLayer, type LayerBundle, REPOSITORY_ROOT } from '../infra/bundle';
import { archiveFiles, dryRun } from '../infra/dry-run';
import type { Bench, BenchContext, BenchResult, Goal } from './bench';
import { rounded, type Spread, shown, spreadOf } from './harness/statistics';

const REGION = 'us-east-1';
const FUNCTION_LIMIT_BYTES = 5 * 1024;
const STAGE0_LIMIT_BYTES = 150 * 1024;
/** Bound on the cold load relative to an empty handler: 30 ms to 25. */
const COLD_LIMIT = 30 / 25;
/** Features that Lambda may disable. */
const NODE_FLAGS = ['--no-experimental-require-module', '--no-experimental-detect-module'];

/** Milliseconds of a process that loads a handler, from start to exit. */
interface ColdLoads {
  readonly empty: Spread;
  readonly stage0: Spread;
  readonly kernels: Spread;
  /** The AWS SDK clients alone. */
  readonly sdk: Spread;
}

export const bench: Bench = {
  name: 'size',
  title: 'What is uploaded to Lambda, how long it takes to load, and how long the program takes',
  async run(context) {
    context.progress('building the layers');
    const layers = [buildLayer('stage0', { region: REGION }), buildLayer('kernels', { region: REGION })];
    context.progress('loading handlers');
    const cold = coldLoads(layers, context.quick ? 3 : 21);
    context.progress('running the program');
    const program = await programRuns(context);
    return resultOf(layers, cold, program);
  },
};

/** Zip sizes of all functions, and seconds of the program under mocks, first and later runs. */
interface ProgramRuns {
  readonly functionBytes: ReadonlyMap<string, number>;
  readonly seconds: readonly number[];
}

async function programRuns(context: BenchContext): Promise<ProgramRuns> {
  const seconds: number[] = [];
  const functionBytes = new Map<string, number>();
  for (let round = 0; round < (context.quick ? 1 : 3); round += 1) {
    const start = performance.now();
    const run = await dryRun({ stack: 'dev' });
    seconds.push((performance.now() - start) / 1_000);
    for (const resource of run.resources) {
      if (resource.type === 'aws:lambda/function:Function') {
        const files = [...(await archiveFiles(resource))].map(([path, text]) => [path, strToU8(text)]);
        functionBytes.set(resource.name, zipSync(Object.fromEntries(files), { level: 9 }).length);
      }
    }
  }
  return { functionBytes, seconds };
}

/** Clients of the AWS SDK that the runtime imports. Lambda's Node runtime ships them, so no layer holds them. */
const SDK_CLIENTS = ['@aws-sdk/client-lambda', '@aws-sdk/client-secrets-manager'];

/** Replaces the SDK clients, whose load time is measured separately. */
const EMPTY_CLIENT =
  'class None {} module.exports = { LambdaClient: None, InvokeCommand: None, SecretsManagerClient: None, GetSecretValueCommand: None };';

/** Starts a Node process for each handler in rotation, so that a disturbance affects all. */
function coldLoads(layers: readonly LayerBundle[], rounds: number): ColdLoads {
  // Outside the repository, whose node_modules would otherwise be found.
  const directory = mkdtempSync(join(tmpdir(), 'logline-size-'));
  try {
    const empty = join(directory, 'empty');
    writePackage(empty, 'logline-empty', 'exports.createHandler = () => async () => undefined;');
    const stubs = join(directory, 'stubs');
    for (const client of SDK_CLIENTS) {
      writePackage(stubs, client, EMPTY_CLIENT);
    }
    for (const layer of layers) {
      cpSync(join(layer.directory, 'nodejs/node_modules'), join(directory, layer.name), { recursive: true });
    }
    const real = join(REPOSITORY_ROOT, 'node_modules');
    const handlers: Readonly<Record<keyof ColdLoads, () => number>> = {
      empty: () => loadMs([empty], `require('logline-empty').createHandler()`),
      stage0: () => loadMs([join(directory, 'stage0'), stubs], `require('logline-stage0').createHandler()`),
      kernels: () =>
        loadMs([join(directory, 'kernels'), stubs], `require('logline-kernels').createHandler('run_code')`),
      sdk: () => loadMs([real], SDK_CLIENTS.map((client) => `require('${client}')`).join(';')),
    };
    const times = {
      empty: [] as number[],
      stage0: [] as number[],
      kernels: [] as number[],
      sdk: [] as number[],
    };
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of ['empty', 'stage0', 'kernels', 'sdk'] as const) {
        const ms = handlers[name]();
        // The first round fills the file cache.
        if (round > 0) {
          times[name].push(ms);
        }
      }
    }
    return {
      empty: spreadOf(times.empty),
      stage0: spreadOf(times.stage0),
      kernels: spreadOf(times.kernels),
      sdk: spreadOf(times.sdk),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function writePackage(folder: string, name: string, code: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'index.js'), `${code}\n`);
}

function loadMs(folders: readonly string[], code: string): number {
  const start = performance.now();
  const done = spawnSync(process.execPath, [...NODE_FLAGS, '-e', code], {
    cwd: tmpdir(),
    env: { NODE_PATH: folders.join(delimiter) },
  });
  if (done.status !== 0) {
    throw new Error(`a handler does not load: ${done.stderr.toString()}`);
  }
  return performance.now() - start;
}

function resultOf(layers: readonly LayerBundle[], cold: ColdLoads, program: ProgramRuns): BenchResult {
  const largest = Math.max(...program.functionBytes.values());
  const over = {
    stage0: cold.stage0.median - cold.empty.median,
    kernels: cold.kernels.median - cold.empty.median,
  };
  const goals: Goal[] = [
    {
      what: 'largest function, zipped',
      goal: '≤ 5 KB',
      measured: `${largest} bytes`,
      met: largest <= FUNCTION_LIMIT_BYTES,
    },
    ...layers
      .filter(({ name }) => name === 'stage0')
      .map(({ zipBytes }) => ({
        what: 'Stage-0 layer, zipped',
        goal: '≤ 150 KB',
        measured: `${rounded(zipBytes / 1024)} KB`,
        met: zipBytes <= STAGE0_LIMIT_BYTES,
      })),
    {
      what: 'Stage-0, load time over an empty handler',
      goal: `≤ ${COLD_LIMIT} × the empty one`,
      measured: `${rounded(over.stage0)} ms, the empty one ${rounded(cold.empty.median)} ms`,
      met: over.stage0 <= COLD_LIMIT * cold.empty.median,
    },
  ];
  return {
    tables: [
      {
        caption: 'Archives',
        columns: ['archive', 'zipped, bytes'],
        rows: [
          ...layers.map(({ packageName, zipBytes }) => [`layer ${packageName}`, zipBytes] as const),
          ...[...program.functionBytes].map(([name, bytes]) => [`function ${name}`, bytes] as const),
        ],
      },
      {
        caption: 'Cold load: a Node process that requires the handler, from start to end',
        columns: ['handler', 'ms', 'over the empty one, ms'],
        rows: [
          ['empty', shown(cold.empty), null],
          ['logline-stage0', shown(cold.stage0), over.stage0],
          ['logline-kernels', shown(cold.kernels), over.kernels],
          ['AWS SDK clients, which Lambda ships', shown(cold.sdk), cold.sdk.median - cold.empty.median],
        ],
      },
      {
        caption: 'The whole Pulumi program under mocks, bundling and serialising included',
        columns: ['run', 'seconds'],
        rows: program.seconds.map((seconds, index) => [index === 0 ? 'first' : 'next', seconds]),
      },
    ],
    goals,
    figures: {
      layers: layers.map(({ name, zipBytes, packages }) => ({ name, zipBytes, packages })),
      functionBytes: Object.fromEntries(program.functionBytes),
      cold,
      programSeconds: program.seconds,
    },
  };
}
