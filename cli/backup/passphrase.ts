import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { OperatorError } from '../../local/operator-error';

/**
 * The passphrase of a backup's keys: `LOGLINE_BACKUP_PASSPHRASE`, else a prompt that does not echo.
 * @param isNew prompt twice and compare
 * @throws OperatorError (exit code 2) without a terminal, or when the two differ
 */
export async function backupPassphrase(isNew: boolean): Promise<string> {
  const given = process.env.LOGLINE_BACKUP_PASSPHRASE;
  if (given) return given;
  if (!process.stdin.isTTY) {
    throw new OperatorError(
      'the keys need a passphrase: set LOGLINE_BACKUP_PASSPHRASE, or run this at a terminal',
      {
        exitCode: 2,
      },
    );
  }
  const passphrase = await askHidden('Passphrase of the keys: ');
  if (isNew && (await askHidden('The same again: ')) !== passphrase) {
    throw new OperatorError('the two passphrases differ', { exitCode: 2 });
  }
  return passphrase;
}

async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await terminal.question('');
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
