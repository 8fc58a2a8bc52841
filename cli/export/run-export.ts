import { rm } from 'node:fs/promises';
import path from 'node:path';
import { decodeJwt } from 'jose';
import { OperatorError, oneLine } from '../../local/operator-error';
import { StopSignal } from '../../local/stop-signal';
import { SYSTEM } from '../../runtime/base/identity';
import { keySpansOfUrl } from '../keys/key-history-source';
import { progressLine } from '../progress-line';
import { logFolderOf } from '../proofs/log-folder';
import { resolveTarget, type Target } from '../target';
import { beginExport, type ExportOptions } from './begin-export';
import { digestFileOf, type ExportDigest, type ExportedWork } from './digest';
import { ExportFile, partFileOf } from './export-file';
import type { ExportPlan } from './export-state';
import { readFeedPage } from './feed-pages';
import { LOG_READER, mintedClient } from './minted-client';
import { exportProgress } from './progress';
import { removePart, TenantLog } from './tenant-log';
import { exportWork, workFileOf } from './work-file';

/** Exit code after an interruption, as a shell reports Ctrl-C. */
const INTERRUPTED_EXIT_CODE = 130;
/** Writes the spans of a tenant to a file, or resumes an interrupted export. */
export async function runExport(options: ExportOptions): Promise<void> {
  const out = path.resolve(options.out);
  if (!/\.ndjson(\.gz)?$/.test(out)) {
    throw new OperatorError('--out must end in .ndjson or .ndjson.gz', { exitCode: 2 });
  }
  const target = await resolveTarget(options);
  const { state, total, isContinued } = await beginExport(out, options, target);
  const file = await ExportFile.open(out, state);
  const stop = new StopSignal(() => process.exit(INTERRUPTED_EXIT_CODE));
  const line = progressLine();
  const progress = exportProgress(line, total, state.spans);
  try {
    const log = await logOf(out, state.plan, options, target, (positions) =>
      line.show(`${positions} positions of the log read`),
    );
    if (isContinued && !options.json) {
      process.stdout.write(`continuing behind ${state.spans} spans of ${partFileOf(out)}\n`);
    }
    const found = await readAll(file, target, log, (spans) => {
      progress.show(spans, file.state.bytes);
      return !stop.isRequested;
    });
    progress.clear();
    if (stop.isRequested) {
      await file.leave();
      await removePart(out);
      process.stderr.write(`logline: interrupted; ${howToGoOn(out, file.state.spans)}\n`);
      process.exitCode = INTERRUPTED_EXIT_CODE;
      return;
    }
    if (found === 0 && !isContinued && state.plan.users === null) throw nothingFound(options);
    const { users, since } = state.plan;
    const isComplete = users !== null && since === null;
    // An export of one user has complete versions, but the tenant's log holds more spans than it.
    const isWholeTenant = isComplete && options.user === undefined;
    const kept = (await log?.finish(isWholeTenant ? (file.state.logSizeBefore ?? 0) : 0)) ?? null;
    const work = await workOf(out, state.plan, options, target);
    progress.clear();
    report(out, await file.finish(isComplete, kept, work), log?.faults ?? 0, options);
  } catch (cause) {
    progress.clear();
    // An export with nothing but keys was refused, not interrupted, and leaves no state.
    const isBegun = !(cause instanceof NothingFound) && (file.state.part > 1 || file.state.cursor !== null);
    await (isBegun ? file.leave() : file.discard()).catch(() => undefined);
    await removePart(out).catch(() => undefined);
    if (!(cause instanceof OperatorError) || !isBegun) throw cause;
    throw new OperatorError(`${oneLine(cause)}; ${howToGoOn(out, file.state.spans)}`, {
      exitCode: cause.exitCode,
      cause,
    });
  } finally {
    stop.dispose();
  }
}

/** The export found no spans. */
class NothingFound extends OperatorError {}

/** The error for an empty export; most often the token is of another tenant. */
function nothingFound({ tenant, token }: ExportOptions): OperatorError {
  const own = tenantOf(token ?? process.env.LOGLINE_TOKEN ?? '');
  const why =
    own === undefined || own === tenant
      ? 'the token may read no span of it'
      : `the token speaks for tenant ${own}, which sees only what ${tenant} made public`;
  return new NothingFound(`nothing of tenant ${tenant} was found: ${why}`);
}

function tenantOf(token: string): string | undefined {
  try {
    const { tenant } = decodeJwt(token);
    return typeof tenant === 'string' ? tenant : undefined;
  } catch {
    return undefined;
  }
}

/** User for the export of a stack, whose owners are unknown here: it reads tenant and public spans only. */
const MEMBER = 'logline-export';

/** Reads all parts until the end, or until `goOn` returns false. Returns the number of spans. */
async function readAll(
  file: ExportFile,
  target: Target,
  log: TenantLog | undefined,
  goOn: (spans: number) => boolean,
): Promise<number> {
  let found = 0;
  const { plan } = file.state;
  const filter = { tenant_id: plan.tenant, ...(plan.since === null ? {} : { since: plan.since }) };
  if (file.state.part === 0) {
    // With the key history the export can be verified alone. An export of tenant `system` has it anyway.
    const keys = plan.tenant === 'system' ? [] : await keySpansOfUrl(target.client);
    const logSizeBefore = (await log?.size()) ?? null;
    await file.add(keys, { part: 1, cursor: null, pageCursor: null, logSizeBefore });
  }
  const parts = plan.users ?? [null];
  for (const [index, user] of parts.entries()) {
    const part = index + 1;
    if (file.state.part > part) continue;
    const isMinted = user !== null || (target.token === undefined && !target.isLocal);
    const clientNow = isMinted
      ? mintedClient(target, user ?? MEMBER, plan.tenant)
      : async () => target.client;
    const partFilter = user === null ? filter : { ...filter, owner_id: user };
    let hasMore = true;
    while (hasMore) {
      if (!goOn(file.state.spans)) return found;
      const page = await readFeedPage(await clientNow(), partFilter, file.state.cursor);
      hasMore = page.hasMore;
      found += page.spans.length;
      await log?.add(page.spans);
      await file.add(page.spans, {
        part: hasMore ? part : part + 1,
        cursor: hasMore ? page.cursor : null,
        pageCursor: page.cursor,
      });
    }
  }
  return found;
}

/** The tenant's log; undefined when it is not exported. */
async function logOf(
  out: string,
  { tenant }: ExportPlan,
  { token, log }: ExportOptions,
  target: Target,
  onProgress: (positions: number) => void,
): Promise<TenantLog | undefined> {
  if (log === false) return undefined;
  const own = tenantOf(token ?? process.env.LOGLINE_TOKEN ?? '');
  if (own !== undefined && own !== tenant) return undefined;
  const client = own === undefined ? mintedClient(target, LOG_READER, tenant) : async () => target.client;
  return TenantLog.open({ file: out, tenant, client, onProgress });
}

/** Exports the work state of a frozen tenant; needs the instance key. */
async function workOf(
  out: string,
  { tenant, since }: ExportPlan,
  { token }: ExportOptions,
  target: Target,
): Promise<ExportedWork | null> {
  const { user, tenant: system } = SYSTEM;
  const isOurs = !(token ?? process.env.LOGLINE_TOKEN) && (await target.mint(user, system)) !== undefined;
  if (since !== null || !isOurs || tenant === system) {
    await rm(workFileOf(out), { force: true });
    return null;
  }
  return exportWork(mintedClient(target, user, system), tenant, out);
}

function report(out: string, digest: ExportDigest, logFaults: number, { json }: ExportOptions): void {
  if (logFaults > 0)
    process.stderr.write(
      `logline: the log does not bear out what was exported; npx logline verify --file ${out} names every fault\n`,
    );
  if (json) {
    process.stdout.write(`${JSON.stringify(digest)}\n`);
    return;
  }
  const { users, tenant, spans, bytes, blake3, complete } = digest;
  const whose =
    users === null
      ? `that the token may read of tenant ${tenant}`
      : `of ${users.join(', ')} in tenant ${tenant}`;
  const lines = [
    `exported ${spans} spans (${bytes} bytes, the key history included) ${whose} to ${out}`,
    `blake3 ${blake3}, see ${digestFileOf(out)}`,
    ...(digest.log === null
      ? []
      : [`the log of tenant ${tenant} with ${digest.log.size} positions is in ${logFolderOf(out)}`]),
    ...(digest.work === null
      ? []
      : [`its work state is in ${workFileOf(out)}; it holds secrets, so keep it to yourself`]),
    ...(complete ? [] : ['Entities may lack versions: verify and import take that from the digest.']),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function howToGoOn(out: string, spans: number): string {
  return `${spans} spans are in ${partFileOf(out)}; the same command goes on from there`;
}
