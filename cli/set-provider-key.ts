import { readFile } from 'node:fs/promises';
import { dataDirectory, prepareDataDirectory } from '../local/data-directory';
import { OperatorError, systemErrorCode } from '../local/operator-error';
import { writePrivateFile } from '../local/private-file';

const MAX_KEY_BYTES = 16_384;

/**
 * Stores the API key from standard input in `provider-keys.json`.
 * @param name `<tenant>/<name>`
 * @throws OperatorError (exit code 2) for a name without a tenant or an empty key
 */
export async function setProviderKey(name: string): Promise<void> {
  if (!/^[^/\s]+\/[\w.-]+$/.test(name)) {
    throw new OperatorError(`a provider key is named <tenant>/<name>, such as dev/openai, got "${name}"`, {
      exitCode: 2,
    });
  }
  if (process.stdin.isTTY) process.stderr.write('Paste the key, then Enter and Ctrl-D:\n');
  const key = (await readInput()).trim();
  if (key === '') throw new OperatorError('standard input holds no key', { exitCode: 2 });
  const data = dataDirectory();
  await prepareDataDirectory(data);
  const entries = { ...(await present(data.providerKeys)), [name]: key };
  await writePrivateFile(data.providerKeys, `${JSON.stringify(entries, null, 2)}\n`, 'replace');
  process.stdout.write(`stored ${name} in ${data.providerKeys}\n`);
}

async function readInput(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.length > MAX_KEY_BYTES)
      throw new OperatorError('that is no API key: it is too long', { exitCode: 2 });
  }
  return text;
}

async function present(file: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return {};
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Reported below, since the parser's message would quote keys.
  }
  throw new OperatorError(`${file} is no JSON object of names to keys; mend it first`);
}
