import { DEFAULT_ROLE_PREFIX, ROLE_PREFIX_PATTERN } from '../runtime/db/roles';
import { readSettings, type Settings } from '../runtime/settings';
import { OperatorError } from './operator-error';

/** What the environment says about a local run. */
export interface DevSettings {
  readonly port: number;
  readonly host: string;
  readonly databaseUrl: string | undefined;
  /** What the names of the database's roles begin with. */
  readonly rolePrefix: string;
  /** What means the same on AWS: pool, timeouts, CORS, OIDC. */
  readonly runtime: Settings;
}

const DEFAULT_PORT = 8787;

/**
 * Reads `PORT` (8787; 0 lets the system choose), `HOST` (127.0.0.1), `DATABASE_URL`, `LOGLINE_ROLE_PREFIX` (logline)
 * and the other `LOGLINE_…` settings.
 * @throws OperatorError (exit code 2) that names the variable
 */
export function devSettings(env: NodeJS.ProcessEnv = process.env): DevSettings {
  const faults: string[] = [];
  const runtime = readSettings(env, faults);
  if (faults.length > 0) throw new OperatorError(faults.join('; '), { exitCode: 2 });
  return {
    runtime,
    port: parsePort(env.PORT),
    host: env.HOST || '127.0.0.1',
    databaseUrl: env.DATABASE_URL || undefined,
    rolePrefix: parseRolePrefix(env.LOGLINE_ROLE_PREFIX),
  };
}

function parseRolePrefix(text: string | undefined): string {
  const prefix = text || DEFAULT_ROLE_PREFIX;
  if (ROLE_PREFIX_PATTERN.test(prefix)) return prefix;
  throw new OperatorError(
    `LOGLINE_ROLE_PREFIX must begin with a lower-case letter and go on with at most 40 lower-case letters, digits and underscores, got "${prefix}"`,
    { exitCode: 2 },
  );
}

function parsePort(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_PORT;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new OperatorError(`PORT must be a number from 0 to 65535, got "${text}"`, { exitCode: 2 });
  }
  return port;
}
