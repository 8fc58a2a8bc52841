import { OperatorError } from '../../local/operator-error';
import { cryptoReady } from '../../runtime/crypto';
import { progressLine } from '../progress-line';
import { resolveTarget, type Target } from '../target';
import { withSeekableFile } from '../verify/seekable-file';
import { spansOfFile } from '../verify/span-source';
import { checkFile, type Source, WHOLE } from './import-check';
import { type ImportedWork, importWork } from './import-work';
import { LedgerComparison } from './ledger-comparison';
import { LogOrder, linesInFileOrder } from './log-order';
import { type ImportReport, SignatureRefusedError, writeImport } from './write-import';

/** Options of `logline import`. */
export interface ImportOptions {
  readonly dryRun?: boolean;
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Checks a file and imports it, unless it has faults or this is a dry run. */
export async function runImport(file: string, options: ImportOptions): Promise<void> {
  if (options.dryRun !== true && options.url === undefined) {
    throw new OperatorError('say where to import to with --url, or only check with --dry-run', {
      exitCode: 2,
    });
  }
  await cryptoReady();
  const token = options.token ?? process.env.LOGLINE_TOKEN;
  const target = options.url === undefined ? undefined : await comparable(options, token);
  await withSeekableFile(file, async (seekable) => {
    const source: Source = { name: file, file: seekable };
    if (options.dryRun !== true && target !== undefined) {
      await importFile(source, { target, hasToken: Boolean(token) }, options);
      return;
    }
    const comparison = target === undefined ? undefined : new LedgerComparison(target, Boolean(token));
    await checkFile(source, { ...WHOLE, comparison }, options);
  });
}

interface Destination {
  readonly target: Target;
  readonly hasToken: boolean;
}

async function importFile(
  source: Source,
  { target, hasToken }: Destination,
  options: ImportOptions,
): Promise<void> {
  const { name, file } = source;
  const order = await LogOrder.beside(name);
  try {
    // The ledger has to check every signature itself, so this skips them.
    if (!(await checkFile(source, { ...WHOLE, order, signatures: false }, options))) return;
    const lines = order?.spans() ?? linesInFileOrder(spansOfFile(file));
    const imported = await writeImport(lines, target, hasToken, progressLine());
    const work = await importWork(name, target, hasToken);
    report(imported, work, name, target, options);
  } catch (error) {
    if (!(error instanceof SignatureRefusedError)) throw error;
    // The ledger's answer names indices in a request; the full check names lines.
    const { spansBefore } = error;
    if (await checkFile(source, { ...WHOLE, spansBefore }, options)) throw error;
  } finally {
    await order?.close();
  }
}

function report(
  { spans, added, present, keySpans }: ImportReport,
  work: ImportedWork,
  file: string,
  { client }: Target,
  { json }: ImportOptions,
): void {
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ ok: true, spans, added, present, key_spans: keySpans, work: work.rows })}\n`,
    );
    return;
  }
  const lines = [
    ...(keySpans > 0
      ? [`${keySpans} spans of the key history were left out: they tell who signed, and stay with ${file}`]
      : []),
    ...(work.told === undefined ? [] : [work.told]),
    `OK: ${spans} spans of ${file} are in ${client.url}, hash by hash: ${added} new, ${present} there before`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** @throws OperatorError (exit code 2) when the ledger cannot be read for a comparison */
async function comparable(options: ImportOptions, token: string | undefined) {
  const target = await resolveTarget(options);
  if (token || target.isLocal) return target;
  throw new OperatorError(`a token is needed for ${options.url}; give --token`, { exitCode: 2 });
}
