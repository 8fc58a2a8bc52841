import { readFileSync } from 'node:fs';
import type { OidcIssuer } from './auth';
import type { DatabaseOptions } from './db/database-options';

/** Settings that mean the same on a laptop and in a Lambda. */
export interface Settings {
  /** Origins that browsers may call from. Defaults to none. */
  readonly corsOrigins: readonly string[];
  /** Whether the explorer is served. Defaults to true. */
  readonly explorer: boolean;
  /** Longest long poll of the feed, in seconds; undefined means the default of the environment it runs in. */
  readonly maxWaitSeconds: number | undefined;
  /** Name of the instance in checkpoints. Defaults to a name derived from its first key. */
  readonly origin: string | undefined;
  /** Days that an Idempotency-Key is remembered. Defaults to 30. */
  readonly idempotencyDays: number;
  /** An OpenID Connect issuer whose tokens are accepted in addition to the instance's own. */
  readonly oidc: OidcIssuer | undefined;
  /** Database options set by the environment; see {@link DatabaseOptions} for the defaults. */
  readonly database: Pick<
    DatabaseOptions,
    'poolSize' | 'statementTimeoutMs' | 'lockTimeoutMs' | 'connectTimeoutMs'
  > & {
    readonly tls?: { readonly ca: string };
  };
}

/** Numeric variables: name, member of `database`, minimum, maximum. */
const NUMBERS = [
  ['LOGLINE_POOL_SIZE', 'poolSize', 1, 500],
  ['LOGLINE_STATEMENT_TIMEOUT_MS', 'statementTimeoutMs', 100, 600_000],
  ['LOGLINE_LOCK_TIMEOUT_MS', 'lockTimeoutMs', 100, 600_000],
  ['LOGLINE_CONNECT_TIMEOUT_MS', 'connectTimeoutMs', 100, 600_000],
] as const;

/**
 * Reads the settings from the environment.
 * @param faults receives a sentence for each variable that is not usable
 */
export function readSettings(env: NodeJS.ProcessEnv, faults: string[]): Settings {
  return {
    corsOrigins: originsOf(textOf(env, 'LOGLINE_CORS_ORIGINS'), faults),
    explorer: switchOf('LOGLINE_EXPLORER', textOf(env, 'LOGLINE_EXPLORER') ?? 'on', faults),
    maxWaitSeconds: secondsOf(textOf(env, 'LOGLINE_MAX_WAIT_SECONDS'), faults),
    origin: originOf(textOf(env, 'LOGLINE_ORIGIN'), faults),
    idempotencyDays: daysOf(textOf(env, 'LOGLINE_IDEMPOTENCY_DAYS') ?? '30', faults),
    oidc: oidcOf(env, faults),
    database: { ...numbersOf(env, faults), ...caOf(textOf(env, 'LOGLINE_DATABASE_CA'), faults) },
  };
}

function textOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name];
}

function switchOf(name: string, text: string, faults: string[]): boolean {
  if (text !== 'on' && text !== 'off') faults.push(`${name} must be on or off, got ${text}`);
  return text === 'on';
}

function numbersOf(
  env: NodeJS.ProcessEnv,
  faults: string[],
): Partial<Record<(typeof NUMBERS)[number][1], number>> {
  const numbers: Partial<Record<(typeof NUMBERS)[number][1], number>> = {};
  for (const [name, member, least, most] of NUMBERS) {
    const text = textOf(env, name);
    if (text === undefined) continue;
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) numbers[member] = value;
    else faults.push(`${name} must be a whole number from ${least} to ${most}`);
  }
  return numbers;
}

function caOf(file: string | undefined, faults: string[]): { tls?: { ca: string } } {
  if (file === undefined) return {};
  try {
    return { tls: { ca: readFileSync(file, 'utf8') } };
  } catch {
    faults.push(`LOGLINE_DATABASE_CA names a file that cannot be read: ${file}`);
    return {};
  }
}

function originsOf(text: string | undefined, faults: string[]): string[] {
  const origins = (text ?? '')
    .split(',')
    .map((origin) => origin.trim())
    .filter(Boolean);
  for (const origin of origins) {
    if (!/^(\*|https?:\/\/[^/\s*]+)$/.test(origin)) {
      faults.push(
        `LOGLINE_CORS_ORIGINS must list origins such as https://app.example.com, or *, got ${origin}`,
      );
    }
  }
  return origins;
}

function secondsOf(text: string | undefined, faults: string[]): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= 20) return seconds;
  faults.push('LOGLINE_MAX_WAIT_SECONDS must be a whole number from 0 to 20');
  return undefined;
}

/** The origin is the key name of a signed note, which allows neither white space nor `+`. */
function originOf(text: string | undefined, faults: string[]): string | undefined {
  if (text !== undefined && !/^[^\s+]{1,255}$/u.test(text))
    faults.push(
      'LOGLINE_ORIGIN must be 1 to 255 characters without white space and +, such as logs.example.com',
    );
  return text;
}

function daysOf(text: string, faults: string[]): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= 3_650) return days;
  faults.push('LOGLINE_IDEMPOTENCY_DAYS must be a whole number from 1 to 3650');
  return 30;
}

function oidcOf(env: NodeJS.ProcessEnv, faults: string[]): OidcIssuer | undefined {
  const issuer = textOf(env, 'LOGLINE_OIDC_ISSUER');
  const audience = textOf(env, 'LOGLINE_OIDC_AUDIENCE');
  if (issuer === undefined && audience === undefined) return undefined;
  if (issuer === undefined || audience === undefined) {
    faults.push('LOGLINE_OIDC_ISSUER and LOGLINE_OIDC_AUDIENCE must be set together');
    return undefined;
  }
  const userClaim = textOf(env, 'LOGLINE_OIDC_USER_CLAIM');
  const tenantClaim = textOf(env, 'LOGLINE_OIDC_TENANT_CLAIM');
  const scopeClaim = textOf(env, 'LOGLINE_OIDC_SCOPE_CLAIM');
  const clientId = textOf(env, 'LOGLINE_OIDC_CLIENT_ID');
  const scopes = textOf(env, 'LOGLINE_OIDC_SCOPES');
  const tokenIdClaim = textOf(env, 'LOGLINE_OIDC_TOKEN_ID_CLAIM');
  const operatorTenant = textOf(env, 'LOGLINE_OIDC_OPERATOR_TENANT');
  if (operatorTenant !== undefined && operatorTenant !== 'system') {
    faults.push('LOGLINE_OIDC_OPERATOR_TENANT can only be system, the tenant of the operator');
  }
  return {
    issuer,
    audience,
    ...(userClaim === undefined ? {} : { userClaim }),
    ...(tenantClaim === undefined ? {} : { tenantClaim }),
    ...(scopeClaim === undefined ? {} : { scopeClaim }),
    ...(clientId === undefined ? {} : { clientId }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(tokenIdClaim === undefined ? {} : { tokenIdClaim }),
    ...(operatorTenant === 'system' ? { operatorTenant } : {}),
  };
}
