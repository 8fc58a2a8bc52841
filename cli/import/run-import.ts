import { OperatorError } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/base/span';
import { cryptoReady } from '../../runtime/crypto';
import { keyHistoryOf } from '../../runtime/ledger/keys/key-history';
import { checkDraft } from '../../runtime/ledger/span-input';
import { keyOf } from '../../runtime/ledger/span-key';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { digestFault, readDigest } from '../export/digest';
import { progressLine } from '../progress-line';
import { resolveTarget, type Target } from '../target';
import { withSeekableFile } from '../verify/seekable-file';
import { type Found, keySpansOfFile, spansOfFile } from '../verify/span-source';
import { type VerifyFault, verifySpans } from '../verify/verify-spans';
import { type ImportedWork, importWork } from './import-work';
import { LedgerComparison, type LedgerView } from './ledger-comparison';
import { LogOrder, linesInFileOrder } from './log-order';
import { type ImportReport, SignatureRefusedError, writeImport } from './write-import';

/** Options of `logline import`. */
export interface ImportOptions {
  readonly dryRun?: boolean;
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Result of a dry run, in spans. */
interface Tally {
  /** Missing from the ledger. */
  added: number;
  /** In the ledger with the same hash. */
  present: number;
  /** In the ledger with other content, or with another predecessor. */
  conflicts: number;
}

const MAX_SHOWN = 100;
const BATCH = 200;

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

/** A file to import. */
interface Source {
  /** Path as given, beside which digest, log and work state lie. */
  readonly name: string;
  /** Path of the spans; a copy when `name` is standard input. */
  readonly file: string;
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

function changedBy(spansBefore: number): string {
  if (spansBefore === 0) return 'nothing was changed';
  return `the ${spansBefore} spans before are imported and stay; mend the file and import again`;
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

/** Extent of a check. */
interface Check {
  readonly comparison: LedgerComparison | undefined;
  /** Receives the spans on the way. */
  readonly order: LogOrder | undefined;
  readonly signatures: boolean;
  /** Spans that were imported before the check, for the report. */
  readonly spansBefore: number;
}

const WHOLE: Check = { comparison: undefined, order: undefined, signatures: true, spansBefore: 0 };

/** Returns whether the file has no faults. */
async function checkFile(
  { name, file }: Source,
  { comparison, order, signatures, spansBefore }: Check,
  options: ImportOptions,
): Promise<boolean> {
  const digest = await readDigest(file);
  const wrongDigest = digest === undefined ? undefined : await digestFault(file, digest);
  const progress = progressLine();
  const shown: VerifyFault[] = [];
  const onFault = (fault: VerifyFault): void => {
    if (shown.length >= MAX_SHOWN) return;
    shown.push(fault);
    progress.clear();
    if (!options.json) process.stdout.write(`FAULT ${lineOf(fault)}\n`);
  };
  const inspection = new Inspection(comparison, onFault);
  const spans = inspection.spansOf(file);
  const report = await verifySpans(order?.passing(spans) ?? spans, {
    signatures,
    history: keyHistoryOf(await keySpansOfFile(file)),
    faults: wrongDigest === undefined ? [] : [wrongDigest],
    moreFaults: formFaults,
    isComplete: (span) => digest?.complete !== false && !inspection.followsLedger(span),
    onFault,
    onProgress: (spans) => progress.show(`${spans} spans checked`),
  });
  progress.clear();
  const faults = report.faults + inspection.faults;
  const isSound = faults === 0;
  if (!isSound) process.exitCode = 1;
  // The import prints its own result.
  if (isSound && options.dryRun !== true) return true;
  const compared = comparison === undefined ? undefined : inspection.tally;
  const { entities, repeated } = report;
  if (options.json) {
    const counts = { spans: report.spans, entities, repeated, fault_count: faults };
    const answer = {
      ok: faults === 0,
      ...counts,
      faults: shown,
      compared: compared ?? null,
      imported: spansBefore,
    };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    return isSound;
  }
  const what = `${report.spans} spans of ${entities} entities in ${name}`;
  const lines = [
    ...(faults > shown.length ? [`… and ${faults - shown.length} more faults`] : []),
    ...(digest === undefined ? ['there is no digest beside the file: a missing end would not show'] : []),
    ...(repeated > 0 ? [`${repeated} spans are in the file more than once, which changes nothing`] : []),
    compared === undefined
      ? 'compared with no ledger; name one with --url'
      : `${compared.added} spans are new there, ${compared.present} are there already, ${compared.conflicts} conflict`,
    faults === 0
      ? `OK: ${what} could be imported; ${changedBy(spansBefore)}`
      : `FAILED: ${faults} faults in ${what}; ${changedBy(spansBefore)}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return isSound;
}

/** A span that verifies, and its location. */
interface Good {
  readonly location: string;
  readonly span: SignedSpan;
}

/** Compares each span that verifies with the ledger's content. */
class Inspection {
  readonly tally: Tally = { added: 0, present: 0, conflicts: 0 };
  faults = 0;
  readonly #comparison: LedgerComparison | undefined;
  readonly #onFault: (fault: VerifyFault) => void;
  /** Versions whose predecessor is in the ledger, so it need not be in the file. */
  #follows = new Set<string>();

  constructor(comparison: LedgerComparison | undefined, onFault: (fault: VerifyFault) => void) {
    this.#comparison = comparison;
    this.#onFault = onFault;
  }

  followsLedger(span: SignedSpan): boolean {
    return this.#follows.has(keyOf(span));
  }

  /** The spans of a file, each compared before it is yielded. */
  async *spansOf(file: string): AsyncGenerator<Found> {
    if (this.#comparison === undefined) {
      yield* spansOfFile(file);
      return;
    }
    for await (const batch of batchesOf(spansOfFile(file))) {
      const good = batch.flatMap((found): Good[] => {
        // verifySpan accepts any value and reports whether it is a span.
        const span = 'span' in found ? (found.span as SignedSpan) : undefined;
        return span !== undefined && verifySpan(span).ok ? [{ location: found.location, span }] : [];
      });
      await this.#compare(this.#comparison, good);
      yield* batch;
    }
  }

  async #compare(comparison: LedgerComparison, good: readonly Good[]): Promise<void> {
    this.#follows = new Set();
    const views = await comparison.look(good.map(({ span }) => span));
    for (const [index, view] of views.entries()) {
      const one = good[index];
      if (one === undefined) continue;
      if (view.before !== undefined) this.#follows.add(keyOf(one.span));
      const conflict = conflictOf(one.span, view);
      if (conflict !== undefined) {
        this.tally.conflicts += 1;
        this.#fault(one, conflict);
      } else if (view.same === undefined) this.tally.added += 1;
      else this.tally.present += 1;
    }
  }

  #fault({ location, span: { id, seq } }: Good, detail: string): void {
    this.faults += 1;
    this.#onFault({ location, id, seq, detail });
  }
}

async function* batchesOf(source: AsyncIterable<Found>): AsyncGenerator<Found[]> {
  let batch: Found[] = [];
  for await (const found of source) {
    batch.push(found);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Faults for which `POST /api/import` refuses a span, besides hash and signature; size is no fault there. */
function formFaults(span: SignedSpan): string[] {
  return checkDraft(span, '').faults.map(({ pointer, detail }) => `schema: ${pointer} ${detail}`);
}

function conflictOf(span: SignedSpan, { same, before }: LedgerView): string | undefined {
  if (same !== undefined && same !== span.curr_hash)
    return `conflict: the ledger holds other content as version ${span.seq}, ${same}`;
  if (same === undefined && before !== undefined && before !== span.prev_hash)
    return `conflict: it does not follow version ${span.seq - 1} of the ledger, ${before}`;
  return undefined;
}

function lineOf({ location, id, seq, detail }: VerifyFault): string {
  const what = id === undefined ? '' : `span ${id} version ${seq ?? '?'} `;
  return `${what}${location === undefined ? '' : `(${location}) `}${detail}`;
}
