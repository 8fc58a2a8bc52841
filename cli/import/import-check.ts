import type { SignedSpan } from '../../runtime/base/span';
import { keyHistoryOf } from '../../runtime/ledger/keys/key-history';
import { checkDraft } from '../../runtime/ledger/span-input';
import { digestFault, readDigest } from '../export/digest';
import { progressLine } from '../progress-line';
import { FaultPrinter } from '../verify/fault-printer';
import { keySpansOfFile } from '../verify/span-source';
import { type VerifyReport, verifySpans } from '../verify/verify-spans';
import { Inspection, type Tally } from './inspection';
import type { LedgerComparison } from './ledger-comparison';
import type { LogOrder } from './log-order';

/** A file to import. */
export interface Source {
  /** Path as given, beside which digest, log and work state lie. */
  readonly name: string;
  /** Path of the spans; a copy when `name` is standard input. */
  readonly file: string;
}

/** Extent of a check. */
export interface Check {
  readonly comparison: LedgerComparison | undefined;
  /** Receives the spans on the way. */
  readonly order: LogOrder | undefined;
  readonly signatures: boolean;
  /** Spans that were imported before the check, for the report. */
  readonly spansBefore: number;
}

/** A check of all there is, without a comparison. */
export const WHOLE: Check = { comparison: undefined, order: undefined, signatures: true, spansBefore: 0 };

/** Checks a file and prints what it found. Returns whether the file has no faults; if so, an import prints its own result. */
export async function checkFile(
  { name, file }: Source,
  { comparison, order, signatures, spansBefore }: Check,
  options: { readonly dryRun?: boolean; readonly json?: boolean },
): Promise<boolean> {
  const digest = await readDigest(file);
  const wrongDigest = digest === undefined ? undefined : await digestFault(file, digest);
  const progress = progressLine();
  const printer = new FaultPrinter(progress, options.json === true);
  const inspection = new Inspection(comparison, printer.add);
  const spans = inspection.spansOf(file);
  const report = await verifySpans(order?.passing(spans) ?? spans, {
    signatures,
    history: keyHistoryOf(await keySpansOfFile(file)),
    faults: wrongDigest === undefined ? [] : [wrongDigest],
    moreFaults: formFaults,
    isComplete: (span) => digest?.complete !== false && !inspection.followsLedger(span),
    onFault: printer.add,
    onProgress: (spans) => progress.show(`${spans} spans checked`),
  });
  progress.clear();
  const faults = report.faults + inspection.faults;
  const isSound = faults === 0;
  if (!isSound) process.exitCode = 1;
  if (isSound && options.dryRun !== true) return true;
  const compared = comparison === undefined ? undefined : inspection.tally;
  const outcome: Outcome = {
    report,
    faults,
    printer,
    compared,
    spansBefore,
    hasDigest: digest !== undefined,
  };
  const lines = options.json ? [JSON.stringify(asJson(outcome))] : outcomeLines(name, outcome);
  process.stdout.write(`${lines.join('\n')}\n`);
  return isSound;
}

/** What a check found. */
interface Outcome {
  readonly report: VerifyReport;
  /** Faults of the spans, and conflicts with the ledger. */
  readonly faults: number;
  readonly printer: FaultPrinter;
  readonly compared: Tally | undefined;
  readonly spansBefore: number;
  readonly hasDigest: boolean;
}

function asJson({ report, faults, printer, compared, spansBefore }: Outcome) {
  const { spans, entities, repeated } = report;
  const counts = { spans, entities, repeated, fault_count: faults };
  return {
    ok: faults === 0,
    ...counts,
    faults: printer.shown,
    compared: compared ?? null,
    imported: spansBefore,
  };
}

function outcomeLines(name: string, outcome: Outcome): readonly string[] {
  const { report, faults, printer, compared, spansBefore, hasDigest } = outcome;
  const { spans, entities, repeated } = report;
  const what = `${spans} spans of ${entities} entities in ${name}`;
  return [
    ...printer.rest(faults),
    ...(hasDigest ? [] : ['there is no digest beside the file: a missing end would not show']),
    ...(repeated > 0 ? [`${repeated} spans are in the file more than once, which changes nothing`] : []),
    compared === undefined
      ? 'compared with no ledger; name one with --url'
      : `${compared.added} spans are new there, ${compared.present} are there already, ${compared.conflicts} conflict`,
    faults === 0
      ? `OK: ${what} could be imported; ${changedBy(spansBefore)}`
      : `FAILED: ${faults} faults in ${what}; ${changedBy(spansBefore)}`,
  ];
}

function changedBy(spansBefore: number): string {
  if (spansBefore === 0) return 'nothing was changed';
  return `the ${spansBefore} spans before are imported and stay; mend the file and import again`;
}

/** Faults for which `POST /api/import` refuses a span, besides hash and signature; size is no fault there. */
function formFaults(span: SignedSpan): string[] {
  return checkDraft(span, '').faults.map(({ pointer, detail }) => `schema: ${pointer} ${detail}`);
}
