// Installs what is missing; every npm script but the parts of `check` has it for its hook. Plain JavaScript for any Node
// from 20 on: it runs before there are node_modules.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

/** @typedef {{ root: string, log?: (line: string) => void }} InstallOptions */

const ROOT = path.dirname(__dirname);
const NODE_MAJOR = 24;
const LOCK_POLL_MS = 300;
const KEPT_OUTPUT_CHARS = 20_000;

/** A failure with a one-line explanation, printed without a stack trace. */
class InstallError extends Error {}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * How node_modules differs from package-lock.json; undefined when it matches. Compares with the lock file that npm keeps
 * inside node_modules, so a manual `npm install` counts.
 * @returns {string | undefined}
 */
function whatIsMissing(root = ROOT) {
  const wanted = readJson(path.join(root, 'package-lock.json'))?.packages;
  if (wanted === undefined)
    throw new InstallError(
      `package-lock.json in ${root} is missing or broken; restore it with git checkout package-lock.json`,
    );
  const present = readJson(path.join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (present === undefined) return 'nothing is installed yet';
  for (const [place, entry] of Object.entries(wanted)) {
    // The lock file lists optional packages of every platform; npm installs those that fit.
    if (place === '' || entry.link || (entry.optional && present[place] === undefined)) continue;
    if (present[place]?.version !== entry.version)
      return `${place.replace(/^.*node_modules\//, '')} ${entry.version} is missing`;
  }
  return fs.existsSync(bundledNode(root)) || isRightNode() ? undefined : 'Node is missing';
}

function bundledNode(root = ROOT) {
  return path.join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

function isRightNode() {
  return Number(process.versions.node.split('.')[0]) === NODE_MAJOR;
}

/**
 * Runs `npm ci` if dependencies are missing. A second process waits for the first.
 * @returns {Promise<boolean>} whether anything was installed
 */
async function ensureInstalled(root = ROOT) {
  if (whatIsMissing(root) === undefined) {
    linkCommand(root);
    return false;
  }
  const release = await takeLock(path.join(root, '.build', 'install.lock'));
  try {
    const missing = whatIsMissing(root); // another process may have installed them while this one waited
    if (missing === undefined) return true;
    await runNpm(root);
    const still = whatIsMissing(root);
    if (still === 'Node is missing') {
      throw new InstallError(
        `Node ${NODE_MAJOR} was not installed because npm ran without install scripts; run npm ci --ignore-scripts=false, or use Node ${NODE_MAJOR} yourself`,
      );
    }
    if (still !== undefined)
      throw new InstallError(`npm ci ended well, but ${still}; run npm ci and read what it says`);
    linkCommand(root);
    return true;
  } finally {
    release();
  }
}

/** Links the command into node_modules/.bin, where `npx logline` and npm scripts look. */
function linkCommand(root) {
  if (process.platform === 'win32') return;
  const place = path.join(root, 'node_modules', '.bin', 'logline');
  if (fs.existsSync(place)) return;
  try {
    fs.rmSync(place, { force: true });
    fs.symlinkSync('../../cli/logline.js', place);
  } catch {
    // In a read-only folder `node cli/logline.js` still works.
  }
}

async function takeLock(file) {
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
  } catch (error) {
    throw new InstallError(
      `cannot write to ${path.dirname(path.dirname(file))} (${error.message}); dependencies have to be installed there`,
    );
  }
  for (let told = false; ; ) {
    try {
      fs.writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => fs.rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw new InstallError(`cannot write ${file} (${error.message})`);
    }
    if (!holderLives(file)) {
      dropStaleLock(file);
      continue;
    }
    if (!told) say('another process is installing the dependencies, waiting for it');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
}

function holderLives(file) {
  let pid;
  try {
    pid = Number(fs.readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
  // Empty between creation and writing; after a crash in between, its age decides.
  if (pid === 0) return Date.now() - (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < 5_000;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Renaming is atomic, so only one of several processes removes a stale lock. */
function dropStaleLock(file) {
  const aside = `${file}.${process.pid}`;
  try {
    fs.renameSync(file, aside);
    fs.rmSync(aside, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT')
      throw new InstallError(`cannot remove the stale lock ${file} (${error.message}); remove it by hand`);
  }
}

function say(line) {
  process.stderr.write(`logline: ${line}\n`);
}

/** PATH without node_modules: npm must not run on the Node that `npm ci` deletes. */
function outsidePath(root) {
  const inside = path.join(root, 'node_modules') + path.sep;
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => !`${path.resolve(folder)}${path.sep}`.startsWith(inside))
    .join(path.delimiter);
}

async function runNpm(root) {
  const startedAt = Date.now();
  const done = progress('installing dependencies (once, about a minute)');
  const env = { ...process.env, PATH: outsidePath(root) };
  // An outer npm sets variables such as `npm_config_prefix` and `npm_config_omit` for its own run.
  delete env.NODE_ENV;
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const { code, output } = await run('npm', args, { cwd: root, env, shell: process.platform === 'win32' });
  done();
  if (code !== 0)
    throw new InstallError(
      `installing dependencies failed: ${npmFault(output)}; check the network and the npm configuration, then run it again`,
    );
  say(`dependencies installed in ${Math.round((Date.now() - startedAt) / 1000)} s`);
}

function npmFault(output) {
  const lines = output
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, '\u0000').trim())
    .filter((line) => line.startsWith('\u0000'))
    .map((line) => line.slice(1).trim())
    .filter((line) => line !== '' && !/^(A complete log|code |errno |syscall )/.test(line));
  // npm's first line names the error, the next ones the reason.
  if (lines.length > 0) return lines.slice(0, 3).join(' ');
  return output.trim().split('\n').at(-1) ?? 'npm said nothing';
}

/** A line that counts seconds on a terminal, a plain line elsewhere. */
function progress(text) {
  if (!process.stderr.isTTY) {
    say(text);
    return () => undefined;
  }
  const startedAt = Date.now();
  const draw = () =>
    process.stderr.write(`\rlogline: ${text} ${Math.round((Date.now() - startedAt) / 1000)} s `);
  draw();
  const timer = setInterval(draw, 1000);
  return () => {
    clearInterval(timer);
    process.stderr.write('\r\u001b[K');
  };
}

function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    // npm must end with us, else it would still be writing when the next start begins.
    let interrupted = false;
    const interrupt = () => {
      interrupted = true;
      child.kill('SIGTERM');
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt);
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-KEPT_OUTPUT_CHARS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) =>
      reject(
        error.code === 'ENOENT'
          ? new InstallError('npm is not on the PATH; install Node with npm (https://nodejs.org)')
          : error,
      ),
    );
    child.once('close', (code) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, interrupt);
      if (interrupted) reject(new InstallError('interrupted while installing dependencies; run it again'));
      else resolve({ code, output });
    });
  });
}

/** Ends a program with the error in one line; with its stack trace if it is one that nobody foresaw. */
function fail(error) {
  say(error instanceof InstallError ? error.message : error.stack);
  process.exitCode = 1;
}

module.exports = { ROOT, bundledNode, ensureInstalled, fail, isRightNode, whatIsMissing };

if (require.main === module) ensureInstalled().catch(fail);
