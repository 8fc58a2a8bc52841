import type { Command } from 'commander';

export function define(program: Command): void {
  program.command('verify').description('to come');
}
