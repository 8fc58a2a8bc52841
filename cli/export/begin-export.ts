import { access, rm } from 'node:fs/promises';
import { OperatorError } from '../../local/operator-error';
import type { Target } from '../target';
import { timestampOption } from '../timestamp-option';
import { partFileOf, stateFileOf } from './export-file';
import { type ExportPlan, type ExportState, NOTHING_READ, readState } from './export-state';
import { type Owner, ownersOf } from './owners';

/** Options of `logline export`. */
export interface ExportOptions {
  readonly tenant: string;
  readonly out: string;
  readonly user?: readonly string[];
  readonly since?: string;
  readonly url?: string;
  readonly token?: string;
  readonly stack?: string;
  readonly force?: boolean;
  /** False skips the tenant's log. Defaults to true. */
  readonly log?: boolean;
  readonly json?: boolean;
}

/** An export that can be written. */
export interface BegunExport {
  readonly state: ExportState;
  /** Spans to export; undefined when unknown. */
  readonly total: number | undefined;
  readonly isContinued: boolean;
}

/**
 * Plans a new export, or takes up an interrupted one of the same request.
 * @throws OperatorError when the file or another export is in the way, or the options do not fit together
 */
export async function beginExport(out: string, options: ExportOptions, target: Target): Promise<BegunExport> {
  const since = timestampOption(options.since, '--since') ?? null;
  const token = options.token ?? process.env.LOGLINE_TOKEN;
  const request = JSON.stringify([
    target.client.url,
    options.tenant,
    options.user ?? null,
    options.since ?? null,
    Boolean(token),
  ]);
  if (options.force) {
    for (const leftover of [partFileOf(out), stateFileOf(out)]) await rm(leftover, { force: true });
  } else if (await exists(out)) {
    throw new OperatorError(`${out} is there already; choose another name, or replace it with --force`);
  }
  const earlier = await readState(stateFileOf(out));
  if (earlier !== undefined && (await exists(partFileOf(out)))) {
    if (earlier.request === request) return { state: earlier, total: undefined, isContinued: true };
    throw new OperatorError(`${partFileOf(out)} belongs to another export; start again with --force`);
  }
  const owners = await readers(options, target, since);
  const plan: ExportPlan = {
    tenant: options.tenant,
    users: owners?.map(({ user }) => user) ?? null,
    since,
    source: target.client.url,
  };
  const total = owners?.reduce((sum, { spans }) => sum + spans, 0);
  return {
    state: { ...NOTHING_READ, plan, request },
    total: total === 0 ? undefined : total,
    isContinued: false,
  };
}

/** Users whose spans are read with minted tokens; undefined when a token was given. */
async function readers(
  { tenant, user, url, token, stack }: ExportOptions,
  target: Target,
  since: string | null,
): Promise<readonly Owner[] | undefined> {
  const given = token ?? process.env.LOGLINE_TOKEN;
  if (given) {
    if (user === undefined) return undefined;
    throw new OperatorError('give either --user or a token (--token, LOGLINE_TOKEN)', { exitCode: 2 });
  }
  if (stack !== undefined && user === undefined) return undefined;
  if (!target.isLocal && stack === undefined) {
    throw new OperatorError(`a token is needed for ${url}; give --token`, { exitCode: 2 });
  }
  if (user !== undefined) return [...new Set(user)].map((name) => ({ user: name, spans: 0 }));
  const owners = await ownersOf(tenant, since);
  if (owners.length > 0) return owners;
  throw new OperatorError(`nobody owns a span in tenant ${tenant}${since === null ? '' : ` since ${since}`}`);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
