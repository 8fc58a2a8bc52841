import type { KeyHistory } from '../../runtime/ledger/keys/key-history';
import type { LogAuditReport } from '../../runtime/proofs/log-audit';
import type { RemoteLogReport } from '../proofs/remote-log';
import type { VerifyReport } from './verify-spans';

/** What the keys of a report are compared with. */
export interface KnownKeys {
  /** The ledger's current signing key; undefined for a file. */
  readonly instanceKey: string | undefined;
  readonly history: KeyHistory;
}

/** Lines on who signed the spans and whether they hold. */
export function spanLines(report: VerifyReport, keys: KnownKeys): string[] {
  const lines: string[] = [];
  for (const [key, spans] of report.keys) {
    lines.push(signedBy(key, spans, report, keys));
  }
  if (report.hiddenVersions > 0) {
    lines.push(
      `${plural(report.hiddenVersions, 'version')} could not be seen with this token; their chains were checked as far as possible`,
    );
  }
  if (report.repeated > 0) lines.push(`${plural(report.repeated, 'span')} listed more than once`);
  const scope = `${plural(report.spans, 'span')} of ${plural(report.entities, 'entity', 'entities')}`;
  lines.push(
    report.faults === 0
      ? `OK: ${scope}: every hash, signature and version chain holds`
      : `FAILED: ${plural(report.faults, 'fault')} in ${scope}`,
  );
  return lines;
}

function signedBy(
  key: string,
  spans: number,
  report: VerifyReport,
  { instanceKey, history }: KnownKeys,
): string {
  const known = history.keys.get(key);
  if (known?.status === 'revoked') {
    const since = report.revoked.get(key) ?? 0;
    return `signed by a revoked key, ${key}, revoked from ${known.revokedFrom}: ${plural(spans, 'span')}, ${since} of them since then`;
  }
  const remark =
    key === instanceKey
      ? ' (this instance)'
      : known === undefined
        ? ''
        : ` (instance key, ${known.status}${known.retiredAt === undefined ? '' : ` ${known.retiredAt}`})`;
  const adopted =
    known?.adopted === true
      ? `, adopted ${known.introducedAt}: the operator's word alone links it to the keys before`
      : '';
  const untimely = report.untimely.get(key) ?? 0;
  const times = untimely === 0 ? '' : `, ${untimely} of them with a time at which it was not valid`;
  return `signed by ${key}${remark}${adopted}: ${plural(spans, 'span')}${times}`;
}

/** A line on the logs of a local database, which were checked in full. */
export function localLogsLine(report: LogAuditReport): string {
  const scope = `${plural(report.logs, 'log')} with ${plural(report.entries, 'position')} and ${plural(report.checkpoints, 'checkpoint')}`;
  return report.faults === 0
    ? `OK: ${scope}: every leaf follows from its span, every root, tile and checkpoint from the leaves${renamedLine(report)}`
    : `FAILED: ${plural(report.faults, 'fault')} in ${scope}`;
}

function renamedLine({ renamed }: LogAuditReport): string {
  if (renamed === 0) return '';
  return `; ${plural(renamed, 'log')} under another name since a restore: later checkpoints under the old name are of the lost part`;
}

/**
 * A line on a log that was read through its routes.
 * @param keysFrom origin of the keys that a file's log was checked with; undefined for a running ledger
 */
export function remoteLogLine(report: RemoteLogReport, keysFrom: string | undefined): string {
  const { tenant, size, spans, leaves, unseen, witnesses, faults } = report;
  if (faults > 0) return `FAILED: ${plural(faults, 'fault')} in the log of tenant ${tenant}`;
  const below = leaves ? 'tiles and leaves' : 'tiles (its leaves take scope admin)';
  const seen =
    keysFrom === undefined
      ? 'that this token cannot read (private, or removed: without --token, where the ledger runs, verify says which)'
      : 'that are not in the file';
  const rest = unseen === 0 ? '' : `; ${unseen} more are of spans ${seen}`;
  const by = witnesses.length === 0 ? '' : `; cosigned by ${witnesses.join(', ')}`;
  return `OK: the log of tenant ${tenant} with ${plural(size, 'position')}: the signed root follows from its ${below}, and ${plural(spans, 'span')} from its positions${rest}${by}${keysFrom === undefined ? '' : `; whose log it is, ${keysFrom}`}`;
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
