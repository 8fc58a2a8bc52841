import type { Command } from 'commander';

interface Words {
  /** Path of a subcommand, such as `keys rotate`; empty for the program itself. */
  readonly path: string;
  /** Candidates: subcommands and long options. */
  readonly words: readonly string[];
}

/**
 * A completion script for commands and options, generated from the command tree.
 * @param shell `bash`, `zsh` or `fish`
 */
export function completionScript(program: Command, shell: string): string {
  const all = [...wordsOf(program, '')];
  if (shell === 'fish') return fish(all);
  const cases = (variable: string) =>
    all.map(({ path, words }) => `    '${path}') ${variable}='${words.join(' ')}' ;;`).join('\n');
  return shell === 'zsh' ? zsh(cases('offered')) : bash(cases('words'));
}

function bash(cases: string): string {
  return `_logline() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do case $word in -*) ;; *) path="\${path:+$path }$word" ;; esac; done
  case $path in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _logline logline
`;
}

/** Native zsh, since `path` and `words` are special arrays there and break bash emulation. Works sourced or from fpath. */
function zsh(cases: string): string {
  return `#compdef logline
_logline() {
  local command='' word offered=''
  for word in "\${(@)words[2,CURRENT-1]}"; do case $word in -*) ;; *) command="\${command:+$command }$word" ;; esac; done
  case $command in
${cases}
  esac
  compadd -- \${=offered} || _files
}
if [ "\${funcstack[1]}" = _logline ]; then _logline "$@"; else compdef _logline logline; fi
`;
}

function fish(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, words }) => {
    const condition =
      path === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${path.split(' ').at(-1)}`;
    return words.map((word) =>
      word.startsWith('--')
        ? `complete -c logline -n '${condition}' -l ${word.slice(2)}`
        : `complete -c logline -f -n '${condition}' -a ${word}`,
    );
  });
  return `${lines.join('\n')}\n`;
}

function* wordsOf(command: Command, path: string): Generator<Words> {
  const options = command.options.flatMap(({ long }) => (long ? [long] : []));
  yield { path, words: [...command.commands.map((one) => one.name()), ...options, '--help'] };
  for (const one of command.commands) yield* wordsOf(one, path === '' ? one.name() : `${path} ${one.name()}`);
}
