import type { Command } from 'commander';

export function define(program: Command): void {
  const group = program
    .command('provider-key')
    .description('keep API keys of providers for the local run')
    .addHelpText(
      'after',
      `
Example:
  $ npx logline provider-key set dev/openai < key.txt`,
    );
  group
    .command('set')
    .description('store the key that standard input holds under <tenant>/<name>')
    .argument('<name>', 'tenant and name, such as dev/openai; system/… serves public providers')
    .addHelpText(
      'after',
      `
It goes into provider-keys.json of LOGLINE_DATA, which only its owner may read, and counts from the next call on. The
key comes by standard input, so that no list of processes and no shell history shows it.

Example:
  $ npx logline provider-key set dev/openai < key.txt`,
    )
    .action(async (name: string) => {
      const { setProviderKey } = await import('../set-provider-key');
      await setProviderKey(name);
    });
}
