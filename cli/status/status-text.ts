import { table } from '../table';
import { type JobStatus, MAX_BEHIND, type StatusReport } from './read-status';

const MIB = 1024 * 1024;
const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
] as const;

/** The report as lines of text. */
export function statusText(report: StatusReport): string[] {
  const { queue, executions, database, policies, active_policies, open_subjects } = report;
  const estimate = database.spans_estimate === null ? '' : `, about ${database.spans_estimate} spans`;
  const waiting =
    queue.oldest_waiting_s === null ? '' : `, the oldest for ${durationText(queue.oldest_waiting_s)}`;
  const lines = [
    `at        ${report.at}`,
    `database  ${(database.bytes / MIB).toFixed(1)} MiB, ${database.connections} of ${database.max_connections} connections${estimate}`,
    `queue     ${queue.waiting} waiting${waiting}; ${queue.running} running; ${queue.put_off} put off`,
    '',
    ...table(
      ['job', 'last start', 'result', 'counts'],
      report.jobs.map((job) => jobRow(job, report.at)),
    ),
    '',
    `executions on ${executions.day} (UTC), at most ${executions.limit ?? 'unknown'} a tenant`,
  ];
  const { tenants } = executions;
  if (tenants.length === 0) lines.push('  none');
  else {
    const rows = tenants.map(({ tenant, used }) => [tenant, String(used), shareOf(used, executions.limit)]);
    lines.push(...indented(table(['tenant', 'executions', 'of quota'], rows)));
  }
  lines.push('', `active policies: ${active_policies}`);
  if (policies.length > 0) {
    const rows = policies.map(({ policy_id, tenant, owner, behind }) => [
      policy_id,
      tenant,
      owner,
      behind >= MAX_BEHIND ? `${MAX_BEHIND} or more` : String(behind),
    ]);
    lines.push(...indented(table(['policy', 'tenant', 'owner', 'spans behind'], rows)));
    if (active_policies > policies.length) {
      lines.push(`  and ${active_policies - policies.length} that have read more recently`);
    }
  }
  const open = open_subjects.reduce((sum, subject) => sum + subject.open, 0);
  lines.push('', `open deliverables and contracts: ${open}`);
  if (open > 0) {
    lines.push(
      ...indented(
        table(
          ['tenant', 'open'],
          open_subjects.map((one) => [one.tenant, String(one.open)]),
        ),
      ),
    );
  }
  return lines;
}

/** `42 s`, `3 m 20 s`, `2 h 5 m`, `1 d 4 h`: the two largest units. */
export function durationText(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, Math.round(seconds));
  for (const [unit, size] of UNITS) {
    const amount = Math.floor(rest / size);
    if (amount > 0) parts.push(`${amount} ${unit}`);
    rest %= size;
  }
  if (rest > 0 || parts.length === 0) parts.push(`${rest} s`);
  return parts.slice(0, 2).join(' ');
}

function jobRow({ job, started_at, result, late, detail }: JobStatus, at: string): string[] {
  const ago =
    started_at === null ? '-' : `${durationText((Date.parse(at) - Date.parse(started_at)) / 1000)} ago`;
  return [job, ago, late ? `${result}, LATE` : result, detailText(detail)];
}

function detailText(detail: unknown): string {
  if (typeof detail !== 'object' || detail === null) return '-';
  const parts = Object.entries(detail)
    .filter(([, value]) => typeof value === 'string' || (typeof value === 'number' && value !== 0))
    .map(([name, value]) => `${name} ${value}`);
  return parts.join(', ') || '-';
}

function shareOf(used: number, limit: number | null): string {
  return limit === null || limit === 0 ? '-' : `${Math.floor((used / limit) * 100)}%`;
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
