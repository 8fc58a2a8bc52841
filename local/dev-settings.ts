import { DEFAULT_ROLE_PREFIX, ROLE_PREFIX_PATTERN } from '../runtime/db/roles';
import { LOG_LEVELS, logLevel } from '../runtime/log/logger';
import { readSettings, type Settings } from '../runtime/settings';
import { OperatorError } from './operator-error';

/** Settings of a local run, from the environment. */
export interface DevSettings {
  readonly port: number;
  /** Port of `/metrics` on loopback; undefined serves none. */
  readonly metricsPort: number | undefined;
  /** OTLP/HTTP collector of traces; undefined sends none. */
  readonly otlpEndpoint: string | undefined;
  readonly host: string;
  readonly databaseUrl: string | undefined;
  /** URL of a standby for reads; role and password are taken from `databaseUrl`. */
  readonly databaseReadUrl: string | undefined;
  /** Prefix of the database roles' names. */
  readonly rolePrefix: string;
  /** Settings shared with AWS: pool, time-outs, CORS, OIDC. */
  readonly runtime: Settings;
}

const DEFAULT_PORT = 8787;

/**
 * Reads `PORT` (8787; 0 lets the system choose), `HOST` (127.0.0.1), `DATABASE_URL`, `DATABASE_READ_URL`, `LOGLINE_ROLE_PREFIX` (logline)
 * and the other `LOGLINE_…` settings.
 * @throws OperatorError (exit code 2) that names the variable
 */
export function devSettings(env: NodeJS.ProcessEnv = process.env): DevSettings {
  const faults: string[] = [];
  const runtime = readSettings(env, faults);
  const level = env.LOGLINE_LOG_LEVEL;
  if (level && logLevel(level) === undefined) {
    faults.push(`LOGLINE_LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}, got "${level}"`);
  }
  if (faults.length > 0) throw new OperatorError(faults.join('; '), { exitCode: 2 });
  return {
    runtime,
    port: parsePort(env.PORT),
    metricsPort: env.LOGLINE_METRICS_PORT
      ? parsePort(env.LOGLINE_METRICS_PORT, 'LOGLINE_METRICS_PORT')
      : undefined,
    otlpEndpoint: parseEndpoint(env.OTEL_EXPORTER_OTLP_ENDPOINT),
    host: env.HOST || '127.0.0.1',
    databaseUrl: env.DATABASE_URL || undefined,
    databaseReadUrl: env.DATABASE_READ_URL || undefined,
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

function parseEndpoint(text: string | undefined): string | undefined {
  if (!text) return undefined;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw new OperatorError(`OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL, got "${text}"`, {
    exitCode: 2,
  });
}

function parsePort(text: string | undefined, name = 'PORT'): number {
  if (text === undefined || text === '') return DEFAULT_PORT;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new OperatorError(`${name} must be a number from 0 to 65535, got "${text}"`, { exitCode: 2 });
  }
  return port;
}
