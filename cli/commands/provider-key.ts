import type { Command } from 'commander';

export function define(program: Command): void {
  const group = program
    .command('provider-key')
    .description('store API keys of providers for the local run')
    .addHelpText(
      'after',
      `
Example:
  $ npx logline provider-key set dev/openai < key.txt`,
    );
  group
    .command('set')
    .description('store the key from standard input under <tenant>/<name>')
    .argument('<name>', 'tenant and name, such as dev/openai; system/… serves public providers')
    .addHelpText(
      'after',
      `
Writes provider-keys.json in LOGLINE_DATA, readable by its owner only; the next call uses it. The key is read from standard
input, so that it appears in no process list and no shell history.

Example:
  $ npx logline provider-key set dev/openai < key.txt`,
    )
    .action(async (name: string) => {
      const { setProviderKey } = await import('../set-provider-key');
      await setProviderKey(name);
    });
}
