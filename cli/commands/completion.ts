import { Argument, type Command } from 'commander';

export function define(program: Command): void {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'which').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  $ source <(npx logline completion bash)
  $ npx logline completion zsh > "\${fpath[1]}/_logline"
  $ npx logline completion fish > ~/.config/fish/completions/logline.fish`,
    )
    .action(async (shell: string) => {
      const { completionScript } = await import('../completion');
      process.stdout.write(completionScript(program, shell));
    });
}
