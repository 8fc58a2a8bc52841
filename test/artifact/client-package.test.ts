import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

const run = promisify(execFile);
const ROOT = path.resolve(__dirname, '..', '..');
const npm = (args: readonly string[], cwd: string) =>
  run('npm', [...args, '--offline', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd });

/** Prints the exports of each entry. */
const NAMES = 'index verify proofs node'
  .split(' ')
  .map((name) => (name === 'index' ? 'logline-client' : `logline-client/${name}`));
const EXPORTS: Readonly<Record<string, readonly string[]>> = {
  'logline-client': ['LogLine', 'LogLineError', 'SpansRefusedError', 'uuidV7'],
  'logline-client/verify': ['hashSpan', 'keyLapse', 'signerOf', 'verifySpan'],
  'logline-client/proofs': ['openCheckpoint', 'verifyConsistency', 'verifySpanProof'],
  'logline-client/node': ['FileStore'],
};

const PROGRAM = `
import { LogLine, LogLineError, type Span } from 'logline-client';
import { FileStore } from 'logline-client/node';
import { verifySpanProof } from 'logline-client/proofs';
import { signerOf, verifySpan } from 'logline-client/verify';

interface Invoice { readonly entity_type: 'invoice'; readonly metadata: { readonly total: number } }

export async function main(): Promise<number> {
  const ledger = new LogLine({ url: { acme: 'http://x' }, tenant: 'acme', token: async () => 't', sign: await signerOf('00') });
  const queue = ledger.queue({ maxSpans: 10, store: new FileStore('x') });
  await queue.add({ entity_type: 'note', who: 'me', this: 'x', metadata: { any: ['thing'] } });
  await queue[Symbol.asyncDispose]();
  const span: Span<Invoice> = await ledger.append<Invoice>({ entity_type: 'invoice', who: 'me', this: 'x', metadata: { total: 1 } });
  const { ok } = await verifySpan(span);
  await verifySpanProof(span, 'proof', ['key']);
  for await (const { span, cursor } of ledger.subscribe<Invoice>({ from: 'end', entity_type: 'invoice' })) {
    if (cursor === '' || ok) return span.metadata.total;
  }
  for await (const version of ledger.entity<Invoice>(span.id)) console.log(version.seq);
  try { await ledger.execute(span.id, { any: 'input' }); } catch (error) {
    if (error instanceof LogLineError) return error.status + error.errors.length;
  }
  return 0;
}
`;

/** Programs that must not compile. */
const WRONG: Readonly<Record<string, string>> = {
  'a span without this': `ledger.append({ entity_type: 'note', who: 'me' })`,
  'a member that no span has': `ledger.append({ entity_type: 'note', who: 'me', this: 'x', colour: 'red' })`,
  'a visibility that is none': `ledger.append({ entity_type: 'note', who: 'me', this: 'x', visibility: 'secret' })`,
  'metadata that the entity does not have': `ledger.append<Invoice>({ entity_type: 'invoice', who: 'me', this: 'x', metadata: { total: 'much' } })`,
  'another entity type': `ledger.append<Invoice>({ entity_type: 'note', who: 'me', this: 'x', metadata: { total: 1 } })`,
  'a filter that is none': `ledger.timeline({ colour: 'red' })`,
  'order feed for a timeline': `ledger.timeline({ order: 'feed' })`,
  'no url': `new LogLine({ token: 't' })`,
  'changing what is stored': `ledger.append({ entity_type: 'note', who: 'me', this: 'x' }).then((span) => { span.this = 'y' })`,
  'an option of a queue that is none': `ledger.queue({ maxSpan: 1 })`,
};

describe('the package logline-client', function () {
  this.timeout(180_000);
  let project: string;
  before(async () => {
    project = await mkdtemp(path.join(tmpdir(), 'logline-client-'));
    await run(process.execPath, ['--require', './cli/register-typescript.js', 'cli/build-client.ts'], {
      cwd: ROOT,
    });
    const { stdout } = await npm(['pack', path.join(ROOT, 'client'), '--json'], project);
    const [packed] = JSON.parse(stdout);
    assert.deepEqual(
      packed.files
        .map(({ path }: { path: string }) => path.split('/')[0])
        .filter((name: string) => name !== 'dist')
        .sort(),
      ['README.md', 'package.json'],
    );
    await writeFile(path.join(project, 'package.json'), '{"name":"strange","private":true}');
    await npm(['install', `./${packed.filename}`], project);
  });
  after(() => rm(project, { recursive: true, force: true }));

  const dist = (file: string) => path.join(project, 'node_modules', 'logline-client', 'dist', file);

  it('depends on nothing', async () => {
    const manifest = JSON.parse(
      await readFile(path.join(project, 'node_modules', 'logline-client', 'package.json'), 'utf8'),
    );
    assert.deepEqual(
      Object.keys(manifest).filter((name) => /dependencies/i.test(name)),
      [],
    );
  });

  it('is imported and required by a project of its own', async () => {
    await writeFile(
      path.join(project, 'show.mjs'),
      `const all = {}; for (const name of ${JSON.stringify(NAMES)}) all[name] = Object.keys(await import(name)).sort(); console.log(JSON.stringify(all));`,
    );
    await writeFile(
      path.join(project, 'show.cjs'),
      `const all = {}; for (const name of ${JSON.stringify(NAMES)}) all[name] = Object.keys(require(name)).sort(); console.log(JSON.stringify(all));`,
    );
    for (const file of ['show.mjs', 'show.cjs']) {
      const { stdout } = await run(process.execPath, ['--no-experimental-require-module', file], {
        cwd: project,
      });
      assert.deepEqual(JSON.parse(stdout), EXPORTS, file);
    }
  });

  it('fits the right program, and no wrong one', async () => {
    await cp(
      path.join(ROOT, 'node_modules', '@types', 'node'),
      path.join(project, 'node_modules', '@types', 'node'),
      { recursive: true },
    );
    await cp(
      path.join(ROOT, 'node_modules', 'undici-types'),
      path.join(project, 'node_modules', 'undici-types'),
      { recursive: true },
    );
    const head = `import { LogLine } from 'logline-client';\ninterface Invoice { readonly entity_type: 'invoice'; readonly metadata: { readonly total: number } }\nexport type Used = Invoice;\ndeclare const ledger: LogLine;\n`;
    const wrong = Object.entries(WRONG).map(([, text], index) => ({
      file: `wrong${index}.mts`,
      text: `${head}${text.startsWith('new') ? 'export const made = ' : 'void '}${text};\n`,
    }));
    for (const { file, text } of [
      { file: 'right.mts', text: PROGRAM },
      { file: 'right.cts', text: PROGRAM },
      ...wrong,
    ]) {
      await writeFile(path.join(project, file), text);
    }
    const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const options = [
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--types',
      'node',
      '--pretty',
      'false',
    ];
    const files = ['right.mts', 'right.cts', ...wrong.map(({ file }) => file)];
    const outcome = await run(process.execPath, [tsc, ...options, ...files], { cwd: project }).catch(
      (error) => error,
    );
    const refused = new Set([...String(outcome.stdout).matchAll(/^(\S+?)\(/gm)].map(([, file]) => file));
    assert.deepEqual([...refused].sort(), wrong.map(({ file }) => file).sort(), outcome.stdout);
    const compilerOptions = {
      noEmit: true,
      strict: true,
      target: 'es2022',
      lib: ['es2022', 'dom'],
      module: 'esnext',
      moduleResolution: 'bundler',
      types: [],
    };
    await writeFile(
      path.join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['page.mts'] }),
    );
    await writeFile(
      path.join(project, 'page.mts'),
      PROGRAM.replace(/^import.*FileStore.*$/m, '').replace(", store: new FileStore('x')", ''),
    );
    await run(process.execPath, [tsc, '-p', project], { cwd: project }).catch((error) =>
      assert.fail(String(error.stdout)),
    );
  });

  it('keeps its budgets, compressed: 6 KB, 9 KB to verify, 5 KB for proofs', async () => {
    for (const [file, kilobytes] of [
      ['index', 6],
      ['verify/index', 9],
      ['proofs/index', 5],
    ] as const) {
      const bytes = gzipSync(await readFile(dist(`esm/${file}.js`)), { level: 9 }).length;
      assert.ok(bytes <= kilobytes * 1024, `${file} has ${bytes} bytes`);
    }
  });

  it('is one file an entry, of the web alone, so that a page imports it as it is', async () => {
    for (const file of ['index', 'verify/index', 'proofs/index']) {
      const text = await readFile(dist(`esm/${file}.js`), 'utf8');
      assert.doesNotMatch(text, /\b(?:Buffer|process|require|__dirname)\b|node:/);
      // A module loaded from a string cannot import files.
      const page = await run(process.execPath, [
        '--input-type=module',
        '-e',
        `console.log(Object.keys(await import('data:text/javascript;base64,${Buffer.from(text).toString('base64')}')).length)`,
      ]);
      const name = file === 'index' ? 'logline-client' : `logline-client/${path.dirname(file)}`;
      assert.equal(Number(page.stdout), EXPORTS[name]?.length);
    }
  });
});
