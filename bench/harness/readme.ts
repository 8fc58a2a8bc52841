import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { asMarkdown } from './report';
import type { StoredResult } from './stored-result';

/**
 * Writes the latest figures into the README, between `<!-- results:NAME -->` and `<!-- /results -->`; the text around
 * these marks stays.
 */
export async function refreshReadme(file: string, resultsFolder: string): Promise<void> {
  let text = await readFile(file, 'utf8').catch(() => '');
  for (const name of (await readdir(resultsFolder)).filter((entry) => entry.endsWith('.json'))) {
    const result = JSON.parse(await readFile(path.join(resultsFolder, name), 'utf8')) as StoredResult;
    text = withSection(text, result.bench, section(result));
  }
  await writeFile(file, text);
}

function withSection(text: string, name: string, content: string): string {
  const pattern = new RegExp(`(<!-- results:${name} -->\n)[\\s\\S]*?(<!-- /results -->)`);
  return text.replace(pattern, (_, open: string, close: string) => `${open}${content}${close}`);
}

function section(result: StoredResult): string {
  const { machine, postgres, seconds } = result;
  const conditions = [
    machine.date,
    `\`${machine.command}\``,
    `${machine.cores} × ${machine.cpu}`,
    `${machine.memoryGiB} GiB`,
    machine.system,
    `Node ${machine.node.slice(1)}`,
    ...(postgres === null ? [] : [`PostgreSQL ${postgres.server_version}`]),
    ...(machine.commit === null ? [] : [`commit ${machine.commit}`]),
    `load before the run ${machine.loadBefore}`,
    `took ${seconds} s`,
  ];
  const plots = (result.plots ?? []).map(
    ({ file, title }) => `![${title}](results/${result.bench}-${file}.svg)\n`,
  );
  return ['', `${conditions.join(' · ')}`, '', asMarkdown(result), ...plots, ''].join('\n');
}
