import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cleanUp, type LocalRun, startLocalRun, temporaryFolder } from '../support/local-run';
import { findPython } from '../support/python';

const ROOT = path.resolve(__dirname, '..', '..');
const MARK = '----- block -----';

interface Block {
  readonly heading: string;
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a Markdown text, each with the heading above it. */
function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  for (const [, title, language, text] of markdown.matchAll(/^#+ (.+)$|^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else if (language !== undefined && text !== undefined) blocks.push({ heading, language, text });
  }
  return blocks;
}

/** Runs shell blocks in order in one shell, and returns the output of each. */
function runBlocks(blocks: readonly string[], env: Readonly<Record<string, string>>): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const shell = spawn('bash', ['-euo', 'pipefail'], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    shell.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    shell.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    shell.once('close', (code) => {
      if (code === 0) resolve(stdout.split(MARK).slice(1));
      else reject(new Error(`a command of the README ended with ${code}:\n${stdout}\n${stderr}`));
    });
    shell.stdin.end(blocks.map((block) => `echo '${MARK}'\n${block}`).join('\n'));
  });
}

/** A line of output without the parts that differ between runs. */
function shapeOf(line: string): string {
  return line
    .replace(/ey[\w-]+\.[\w.…-]+|eyJ…/g, 'TOKEN')
    .replace(/127\.0\.0\.1:\d+/g, 'HOST')
    .replace(/port \d+/g, 'port N')
    .replace(/\d+ migrations/, 'N migrations')
    .replace(/(data|log) {2,}\S+/, '$1 PATH')
    .trim();
}

describe('the README', function () {
  this.timeout(120_000);
  let data: string;
  let local: LocalRun;
  let blocks: Block[];
  before(async () => {
    blocks = blocksOf(await readFile(path.join(ROOT, 'README.md'), 'utf8'));
    data = await temporaryFolder();
    local = await startLocalRun(data);
  });
  after(async () => {
    await local?.stop();
    await cleanUp(data);
  });

  const environment = () => ({
    LOGLINE_DATA: data,
    PATH: `${path.dirname(process.execPath)}:${process.env.PATH ?? ''}`,
  });
  const here = (text: string) => text.replaceAll('http://127.0.0.1:8787', local.url);

  it('shows the output of npm start', () => {
    const shown =
      blocks
        .find(({ text }) => text.startsWith('$ npm start'))
        ?.text.split('\n')
        .slice(1) ?? [];
    const printed = new Set(local.output().split('\n').map(shapeOf));
    for (const line of shown) assert.ok(printed.has(shapeOf(line)), `npm start prints no such line: ${line}`);
  });

  it('shows a verify command that works, and its output', async () => {
    const [command = '', ...shown] =
      blocks.find(({ text }) => text.startsWith('$ npx logline verify'))?.text.split('\n') ?? [];
    const [printed = ''] = await runBlocks([here(command.slice(2))], environment());
    const numberless = (text: string) =>
      text
        .trim()
        .replace(/[0-9a-f]{64}/g, 'KEY')
        .replace(/\d+/g, 'N')
        .replace(/\b(span|position)s\b/g, '$1');
    assert.equal(numberless(printed), numberless(shown.join('\n')));
  });

  it('has examples that all work as written', async () => {
    const examples = blocks.filter(({ language, text }) => language === 'sh' && !text.startsWith('npm '));
    const outputs = await runBlocks(
      examples.map(({ text }) => here(text)),
      environment(),
    );
    const answers = new Map<string, unknown[]>();
    for (const [index, { heading }] of examples.entries()) {
      // Blocks that only set variables print nothing.
      const text = outputs[index]?.trim() ?? '';
      if (text !== '') answers.set(heading, [...(answers.get(heading) ?? []), JSON.parse(text)]);
    }
    // biome-ignore lint/suspicious/noExplicitAny: the shape of an answer is what a test asserts
    const answer = (heading: string, index = 0): any => answers.get(heading)?.[index];
    assert.equal(answer('Post').success, true);
    assert.equal(answer('Read').count, 1);
    assert.equal(answer('Read', 1).manifest.name, 'kernel_manifest');
    assert.equal(typeof answer('Subscribe').next_cursor, 'string');
    assert.equal(answer('Run code').result.hello, 'world');
    assert.ok(Number(answer('Run code', 1).count) >= 1);
    assert.equal(answer('React').span.entity_type, 'policy');
    // Without Ollama, the README announces an error.
    assert.equal(typeof answer('Call out').success, 'boolean');
    assert.ok(answer('Call out').success || answer('Call out').detail.length > 0);
    assert.equal(answer('Decide at midnight').result.local_date, '2026-03-29');
  });

  /** What the README's program in a language prints. */
  async function outputOf(language: string, command: (file: string) => readonly string[]): Promise<string> {
    const program = blocks.find((block) => block.heading === 'From a program' && block.language === language);
    assert.ok(program, `the README has no program in ${language}`);
    // Within the repository, where the package has its name.
    const folder = path.join(ROOT, '.build', 'readme');
    await mkdir(folder, { recursive: true });
    const file = path.join(folder, language === 'js' ? 'program.mjs' : 'program.py');
    await writeFile(file, program.text);
    const [token = ''] = await runBlocks(['npx logline token --user reader --tenant dev'], environment());
    const env = {
      URL: local.url,
      TOKEN: token.trim(),
      PYTHONPATH: path.join(ROOT, 'clients', 'python', 'src'),
    };
    const [printed = ''] = await runBlocks(
      [
        command(file)
          .map((word) => `'${word}'`)
          .join(' '),
      ],
      env,
    );
    return printed.trim();
  }

  it('has a program for Node that works as written', async () => {
    await runBlocks(['npm run build:client'], environment());
    assert.equal(await outputOf('js', (file) => [process.execPath, file]), 'true\n1000');
  });

  it('has a program for Python that works as written', async function () {
    const python = await findPython();
    if ('missing' in python) {
      console.log(`      needs ${python.missing}`);
      this.skip();
    } else assert.equal(await outputOf('python', (file) => [python.path, file]), 'True\n1000');
  });

  it('has, like all other docs, no comments in lines to paste, which zsh would take for arguments', async () => {
    const names = (await readdir(path.join(ROOT, 'docs'))).filter((name) => name.endsWith('.md'));
    for (const name of [
      'README.md',
      'DEVELOPERS.md',
      'client/README.md',
      ...names.map((name) => `docs/${name}`),
    ])
      for (const { language, text } of blocksOf(await readFile(path.join(ROOT, name), 'utf8')))
        if (['sh', 'bash', 'console', 'text'].includes(language))
          assert.doesNotMatch(text, /(^|\s)# /m, name);
  });

  it('links only to files that exist', async () => {
    const text = await readFile(path.join(ROOT, 'README.md'), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      await assert.doesNotReject(readFile(path.join(ROOT, target)), `README links to ${target}`);
    }
  });
});
