import path from 'node:path';
import { decodeJwt } from 'jose';
import { OperatorError } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/base/span';
import { cryptoReady } from '../../runtime/crypto';
import { type KeyHistory, keyHistoryOf, keysAround } from '../../runtime/ledger/keys/key-history';
import type { LogAuditReport, LogFault } from '../../runtime/proofs/log-audit';
import { digestFault, readDigest } from '../export/digest';
import { keyHistoryOfUrl } from '../keys/key-history-source';
import { keyJson } from '../keys/show-keys';
import { textMember } from '../ledger-api';
import { progressLine } from '../progress-line';
import { keptLog, logFolderOf } from '../proofs/log-folder';
import { RemoteLog, type RemoteLogOptions, type RemoteLogReport } from '../proofs/remote-log';
import { tenantOfToken } from '../proofs/run-checkpoint';
import { givenVerifierKeys, publishedVerifierKeys } from '../proofs/verifier-keys';
import { removedLocally, type VerifyLogsOptions, verifyLocalLogs } from '../proofs/verify-logs';
import { verifyCheckpoints, verifyProofFile } from '../proofs/verify-offline';
import { resolveTarget } from '../target';
import { FaultPrinter } from './fault-printer';
import { withSeekableFile } from './seekable-file';
import { type Found, keySpansOfFile, spansOfFile, spansOfUrl } from './span-source';
import { type VerifyFault, type VerifyReport, verifySpans } from './verify-spans';
import { localLogsLine, remoteLogLine, spanLines } from './verify-text';

/** Options of `logline verify`. */
export interface VerifyCommandOptions {
  readonly url?: string;
  readonly token?: string;
  readonly file?: string;
  /** Trusted public keys, hex. */
  readonly key?: readonly string[];
  readonly partial?: boolean;
  /** File of one span to verify offline with its proof, in place of a ledger. */
  readonly span?: string;
  readonly proof?: string;
  readonly checkpoint?: readonly string[];
  /** Verifier keys of the log and of witnesses. */
  readonly vkey?: readonly string[];
  readonly json?: boolean;
}

const EXIT_FAULTS = 1;

/** What is verified. */
interface Subject {
  readonly source: AsyncIterable<Found>;
  readonly isComplete: (span: SignedSpan) => boolean;
  /** The ledger's current signing key; undefined for a file. */
  readonly instanceKey: string | undefined;
  readonly history: KeyHistory;
  /** Faults of the source as a whole. */
  readonly faults: readonly string[];
  /** Verifies the logs after the spans are read; undefined when there are none. */
  readonly logs?: (options: VerifyLogsOptions) => Promise<LogsOutcome>;
}

/** Result of verifying logs, for `--json` and as a line. */
interface LogsOutcome {
  readonly report: LogAuditReport | RemoteLogReport;
  readonly line: string;
}

/** Prints a report and sets exit code 1 when anything is wrong. */
export async function runVerify(options: VerifyCommandOptions): Promise<void> {
  const { file } = options;
  if (options.proof !== undefined || options.span !== undefined) return verifyProofFile(options);
  if (options.checkpoint !== undefined) return verifyCheckpoints(options);
  if (file === undefined) return verify(await runningSubject(options), options);
  if (options.url !== undefined) throw new OperatorError('give either --url or --file', { exitCode: 2 });
  await withSeekableFile(file, async (seekable) => verify(await fileSubject(seekable, options), options));
}

async function verify(subject: Subject, options: VerifyCommandOptions): Promise<void> {
  const { source, isComplete, history } = subject;
  const progress = progressLine();
  const faults = new FaultPrinter(progress, options.json === true);
  const anchors = options.key === undefined ? undefined : new Set(options.key.map(parseKey));
  const report = await verifySpans(source, {
    ...(anchors === undefined ? {} : { trustedKeys: keysAround(history, anchors) }),
    history,
    faults: subject.faults,
    isComplete,
    onFault: faults.add,
    onProgress: (spans) => progress.show(`${spans} spans checked`),
  });
  const logs = await subject.logs?.({
    onFault: (fault) => faults.add(asVerifyFault(fault)),
    onProgress: (entries) => progress.show(`${entries} positions of the logs checked`),
  });
  progress.clear();
  const lines = options.json
    ? [JSON.stringify(asJson(report, faults.shown, history, logs?.report))]
    : [
        ...faults.rest(report.faults),
        ...spanLines(report, subject),
        ...(logs === undefined ? [] : [logs.line]),
      ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (report.faults > 0 || (logs?.report.faults ?? 0) > 0) process.exitCode = EXIT_FAULTS;
}

async function fileSubject(file: string, options: VerifyCommandOptions): Promise<Subject> {
  await cryptoReady();
  const digest = await readDigest(file);
  const fault = digest === undefined ? undefined : await digestFault(file, digest);
  const isComplete = options.partial !== true && digest?.complete !== false;
  const spans = spansOfFile(file);
  const kept = await keptLog(file, options.vkey);
  const lost =
    digest?.log !== undefined && kept === undefined
      ? [`log: ${path.basename(logFolderOf(file))} is missing, but the digest says that it came along`]
      : [];
  const completeBelow = isComplete ? (digest?.log?.size_before ?? 0) : 0;
  return {
    source: spans,
    isComplete: () => isComplete,
    instanceKey: undefined,
    history: keyHistoryOf(await keySpansOfFile(file)),
    faults: [...(fault === undefined ? [] : [fault]), ...lost],
    ...(kept === undefined ? {} : withLog(spans, { ...kept, completeBelow, waitMs: 0 })),
  };
}

async function runningSubject(options: VerifyCommandOptions): Promise<Subject> {
  await cryptoReady();
  const { client, token, isLocal } = await resolveTarget(options);
  const instanceKey = textMember((await client.request('/api/health')).body, 'public_key');
  const history = await keyHistoryOfUrl(client);
  const subject = { isComplete: ownedBy(token), instanceKey, history, faults: [] };
  const spans = spansOfUrl(client);
  // The local database allows checking all logs in full, not only the part that a token can read.
  if (isLocal && options.token === undefined) return { ...subject, source: spans, logs: localLogs };
  const tenant = tenantOfToken(token);
  if (tenant === undefined) return { ...subject, source: spans };
  const { vkey } = options;
  const keys = vkey === undefined ? await publishedVerifierKeys(client, tenant) : givenVerifierKeys(vkey);
  const removed = isLocal ? () => removedLocally(tenant) : undefined;
  return { ...subject, ...withLog(spans, { client, tenant, keys, removed }) };
}

/** A log to verify together with spans. */
export type LogToWalk = Omit<RemoteLogOptions, 'onFault'> & {
  /** Origin of the log's keys when they come from what is being verified; undefined when the user gave them. */
  readonly keysFrom?: string;
  /** Finds spans that were removed, where more can be seen than the token reads. Defaults to nothing. */
  readonly removed?: (() => Promise<readonly LogFault[]>) | undefined;
};

/** Passes spans through, and records each for the tenant's log. */
export function withLog(
  spans: AsyncIterable<Found>,
  { keysFrom, removed = async () => [], ...options }: LogToWalk,
): Required<Pick<Subject, 'source' | 'logs'>> {
  const faults: LogFault[] = [];
  const log = new RemoteLog({ ...options, onFault: (fault) => faults.push(fault) });
  const source = async function* (): AsyncGenerator<Found> {
    for await (const found of spans) {
      if ('span' in found) await log.add(found.span);
      yield found;
    }
  };
  const logs = async ({ onFault }: VerifyLogsOptions): Promise<LogsOutcome> => {
    const walked = await log.finish();
    const all = [...faults, ...(await removed())];
    all.forEach(onFault);
    const report = { ...walked, faults: all.length };
    return { report, line: remoteLogLine(report, keysFrom) };
  };
  return { source: source(), logs };
}

/** Completeness of versions: an owner sees all, others only shared ones. */
function ownedBy(token: string | undefined): (span: SignedSpan) => boolean {
  if (token === undefined) return () => false;
  try {
    const { sub, tenant } = decodeJwt(token);
    return (span) => span.owner_id === sub && span.tenant_id === tenant;
  } catch {
    return () => false; // the API will report what is wrong with the token
  }
}

function parseKey(text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new OperatorError(`--key must be a public key of 64 hexadecimal digits, got "${text}"`, {
      exitCode: 2,
    });
  }
  return text.toLowerCase();
}

/** A log's fault in the form of a span's. */
function asVerifyFault({ tenant, kind, position, id, seq, detail }: LogFault): VerifyFault {
  const place = position === undefined ? undefined : `position ${position} of the log`;
  const location = tenant === '' ? place : `${place === undefined ? 'the log' : place} of tenant ${tenant}`;
  return { location, id, seq, detail: `${kind}: ${detail}` };
}

async function localLogs(options: VerifyLogsOptions): Promise<LogsOutcome> {
  const report = await verifyLocalLogs(options);
  return { report, line: localLogsLine(report) };
}

function asJson(
  report: VerifyReport,
  faults: readonly VerifyFault[],
  history: KeyHistory,
  logs: LogsOutcome['report'] | undefined,
) {
  return {
    ok: report.faults === 0 && (logs?.faults ?? 0) === 0,
    logs: logs ?? null,
    spans: report.spans,
    entities: report.entities,
    fault_count: report.faults,
    faults,
    keys: Object.fromEntries(report.keys),
    hidden_versions: report.hiddenVersions,
    repeated: report.repeated,
    key_history: [...history.keys.values()].map(keyJson),
    signed_by_revoked_key: Object.fromEntries(report.revoked),
  };
}
