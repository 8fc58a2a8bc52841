import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { completionScript } from '../../../cli/completion';

/** For each shell, a command that completes `logline --json keys ro` by the script `$1` and prints the candidates. */
const ASK: Readonly<Record<string, readonly string[]>> = {
  bash: [
    '--norc',
    '-c',
    'source "$1"; COMP_WORDS=(logline --json keys ro); COMP_CWORD=3; _logline; echo $COMPREPLY',
    'bash',
  ],
  zsh: [
    '-f',
    '-c',
    // compdef and compadd work in the line editor only, so stubs print their arguments.
    'compdef() { :; }; compadd() { shift; print -l -- $@ | grep ^ro }; source "$1"; words=(logline --json keys ro); CURRENT=4; _logline',
    'zsh',
  ],
  fish: ['--no-config', '-c', 'source $argv[1]; complete -C "logline keys ro"'],
};

describe('the completion script', () => {
  let folder: string;
  const program = new Command('logline');
  program.option('--json');
  const keys = program.command('keys');
  keys.command('rotate').option('--checkpoint');
  keys.command('revoke');
  program.command('roles');

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'logline-completion-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [shell, args] of Object.entries(ASK)) {
    it(`of ${shell} offers a subcommand in the real shell`, function () {
      const file = path.join(folder, shell);
      writeFileSync(file, completionScript(program, shell));
      const { error, stdout, stderr } = spawnSync(shell, [...args, file], { encoding: 'utf8' });
      if (error !== undefined) {
        console.log(`      needs ${shell}`);
        this.skip();
      }
      assert.deepEqual([stdout.trim(), stderr], ['rotate', '']);
    });
  }
});
