import { decodeJwt } from 'jose';
import { OperatorError } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/ledger/span';
import { textMember } from '../api-client';
import { progressLine } from '../progress-line';
import { resolveTarget } from '../target';
import { spansOfFile, spansOfUrl } from './span-source';
import { type VerifyFault, type VerifyReport, verifySpans } from './verify-spans';

export interface VerifyCommandOptions {
  readonly url?: string;
  readonly token?: string;
  readonly file?: string;
  /** Trusted public keys, hex. */
  readonly key?: readonly string[];
  readonly partial?: boolean;
  readonly json?: boolean;
}

/** Faults shown one by one; the rest is only counted. */
const MAX_SHOWN = 100;
const EXIT_FAULTS = 1;

/** Prints a report and sets exit code 1 when anything is wrong. */
export async function runVerify(options: VerifyCommandOptions): Promise<void> {
  const { source, isComplete, instanceKey } = await openSource(options);
  const shown: VerifyFault[] = [];
  const progress = progressLine();
  const report = await verifySpans(source, {
    ...(options.key === undefined ? {} : { trustedKeys: new Set(options.key.map(parseKey)) }),
    isComplete,
    onFault(fault) {
      if (shown.length >= MAX_SHOWN) return;
      shown.push(fault);
      if (!options.json) {
        progress.clear();
        process.stdout.write(`FAULT ${describe(fault)}\n`);
      }
    },
    onProgress: (spans) => progress.show(`${spans} spans checked`),
  });
  progress.clear();
  if (options.json) process.stdout.write(`${JSON.stringify(asJson(report, shown))}\n`);
  else process.stdout.write(`${summary(report, shown.length, instanceKey).join('\n')}\n`);
  if (report.faults > 0) process.exitCode = EXIT_FAULTS;
}

async function openSource(options: VerifyCommandOptions) {
  if (options.file !== undefined) {
    if (options.url !== undefined) throw new OperatorError('give either --url or --file', { exitCode: 2 });
    const isComplete = (): boolean => options.partial !== true;
    return { source: spansOfFile(options.file), isComplete, instanceKey: undefined };
  }
  const { client, token } = await resolveTarget(options);
  const instanceKey = textMember((await client.request('/api/health')).body, 'public_key');
  return { source: spansOfUrl(client), isComplete: ownedBy(token), instanceKey };
}

/** An owner sees all versions of an entity; anyone else only those that were shared. */
function ownedBy(token: string | undefined): (span: SignedSpan) => boolean {
  if (token === undefined) return () => false;
  try {
    const { sub, tenant } = decodeJwt(token);
    return (span) => span.owner_id === sub && span.tenant_id === tenant;
  } catch {
    return () => false; // the API will say what is wrong with the token
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

function describe({ place, id, seq, detail }: VerifyFault): string {
  const what = id === undefined ? '' : `span ${id} version ${seq ?? '?'} `;
  return `${what}${place === undefined ? '' : `(${place}) `}${detail}`;
}

function summary(report: VerifyReport, shown: number, instanceKey: string | undefined): string[] {
  const lines = [];
  if (report.faults > shown) lines.push(`… and ${report.faults - shown} more faults`);
  for (const [key, spans] of report.keys) {
    lines.push(`signed by ${key}${key === instanceKey ? ' (this instance)' : ''}: ${plural(spans, 'span')}`);
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

function asJson(report: VerifyReport, faults: readonly VerifyFault[]) {
  return {
    ok: report.faults === 0,
    spans: report.spans,
    entities: report.entities,
    fault_count: report.faults,
    faults,
    keys: Object.fromEntries(report.keys),
    hidden_versions: report.hiddenVersions,
    repeated: report.repeated,
  };
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
