import { dataDirectory } from '../local/data-directory';
import { loadKeys } from '../local/keys';
import { OperatorError } from '../local/operator-error';
import { currentRun } from '../local/run-lock';
import { SCOPES } from '../runtime/auth';
import { mintToken } from '../runtime/auth/token';
import { LedgerApi } from './ledger-api';

/** Options of commands that call a running LogLine. */
export interface TargetOptions {
  readonly url?: string;
  readonly token?: string;
  /** Name of a stack on AWS, in place of a URL. */
  readonly stack?: string;
}

/** A running LogLine, and whether it runs from this LOGLINE_DATA. */
export interface Target {
  readonly client: LedgerApi;
  readonly token: string | undefined;
  readonly isLocal: boolean;
  /** Mints a token of another user; undefined without the instance's key. */
  mint(user: string, tenant: string): Promise<string | undefined>;
}

const TTL_SECONDS = 900;

/**
 * Resolves URL and token. URL: `--url`, else the local run's. Token: `--token`, else LOGLINE_TOKEN, else for the local run
 * a short-lived one of user `dev` in tenant `dev`.
 * @throws OperatorError (exit code 2) without a URL when nothing runs locally
 */
export async function resolveTarget(options: TargetOptions): Promise<Target> {
  if (options.stack !== undefined) return stackTarget(options.stack, options);
  const data = dataDirectory();
  const run = await currentRun(data);
  const url = options.url ?? run?.url;
  if (url === undefined) {
    throw new OperatorError(
      'no LogLine runs here; start one with npm start, or say which with --url and --token',
      {
        exitCode: 2,
      },
    );
  }
  const isLocal = run?.url !== undefined && isSamePlace(url, run.url);
  const mint = async (user: string, tenant: string): Promise<string | undefined> => {
    const keys = isLocal ? await loadKeys(data) : undefined;
    if (keys === undefined) return undefined;
    return mintToken(keys.signingKey, { sub: user, tenant, scope: SCOPES, ttlSeconds: TTL_SECONDS });
  };
  const token = options.token ?? (process.env.LOGLINE_TOKEN || undefined) ?? (await mint('dev', 'dev'));
  return { client: new LedgerApi(url, token), token, isLocal, mint };
}

/** A stack's API; tokens are minted with its key, which the AWS credentials must be able to read. */
async function stackTarget(stack: string, options: TargetOptions): Promise<Target> {
  if (options.url !== undefined) throw new OperatorError('give either --url or --stack', { exitCode: 2 });
  const { keyOfStack, mintFor } = await import('./aws/stack-access');
  const { stackUrl } = await import('./deploy/stack-url');
  const { cryptoReady } = await import('../runtime/crypto');
  await cryptoReady();
  const token = options.token ?? (process.env.LOGLINE_TOKEN || undefined);
  const key = token === undefined ? await keyOfStack(stack) : undefined;
  const mint = async (user: string, tenant: string) =>
    key === undefined ? undefined : mintFor(key, user, tenant);
  return { client: new LedgerApi(await stackUrl(stack), token), token, isLocal: false, mint };
}

/** Whether two URLs name the same server; `localhost` equals `127.0.0.1`. */
function isSamePlace(one: string, other: string): boolean {
  if (!URL.canParse(one)) return false;
  const normal = (url: string): string => new URL(url).origin.replace('//localhost:', '//127.0.0.1:');
  return normal(one) === normal(other);
}
