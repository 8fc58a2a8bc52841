import * as pulumi from '@pulumi/pulumi';
import type { RoleKey } from '../runtime/db/roles';
import type { Database } from './database';
import type { Secrets } from './secrets';
import type { StackSettings } from './stack-settings';

/** Environment variables of a function. */
export type Environment = Readonly<Record<string, pulumi.Input<string>>>;

/**
 * Environment of every function. Secrets are passed as ARNs, never as text; the runtime reads all of it once, at the
 * start, and fails when something is missing.
 */
export function baseEnvironment(settings: StackSettings, database: Database, secrets: Secrets): Environment {
  return {
    LOGLINE_STAGE: settings.stack,
    LOGLINE_DATABASE_HOST: database.host,
    LOGLINE_DATABASE_PORT: database.port.apply(String),
    ...(database.readHost === undefined ? {} : { LOGLINE_DATABASE_READ_HOST: database.readHost }),
    LOGLINE_DATABASE_NAME: database.databaseName,
    LOGLINE_DATABASE_SECRET_ARN: secrets.roleSecretArns.app,
    LOGLINE_SIGNING_KEY_SECRET_ARN: secrets.signingKeySecretArn,
    LOGLINE_IDEMPOTENCY_DAYS: String(settings.idempotencyDays),
    ...(settings.origin === undefined ? {} : { LOGLINE_ORIGIN: settings.origin }),
    ...oidcEnvironment(settings),
  };
}

/** ARNs of the passwords of the roles that a function logs in as besides `logline_app`. */
export function roleSecretsEnvironment(
  arns: Readonly<Partial<Record<RoleKey, pulumi.Output<string>>>>,
): Environment {
  const { app: _everybody, ...others } = arns;
  return Object.keys(others).length === 0 ? {} : { LOGLINE_ROLE_SECRET_ARNS: pulumi.jsonStringify(others) };
}

/** Settings that only Stage-0 needs, because it alone answers browsers. */
export function browserEnvironment({ api }: StackSettings): Environment {
  return {
    LOGLINE_CORS_ORIGINS: api.corsOrigins.join(','),
    LOGLINE_EXPLORER: api.explorer ? 'on' : 'off',
    LOGLINE_MAX_WAIT_SECONDS: String(api.maxWaitSeconds),
  };
}

function oidcEnvironment({ oidc }: StackSettings): Environment {
  return oidc === undefined
    ? {}
    : {
        LOGLINE_OIDC_ISSUER: oidc.issuer,
        LOGLINE_OIDC_AUDIENCE: oidc.audience,
        LOGLINE_OIDC_USER_CLAIM: oidc.userClaim,
        LOGLINE_OIDC_TENANT_CLAIM: oidc.tenantClaim,
        LOGLINE_OIDC_SCOPE_CLAIM: oidc.scopeClaim,
        ...(oidc.clientId === undefined
          ? {}
          : { LOGLINE_OIDC_CLIENT_ID: oidc.clientId, LOGLINE_OIDC_SCOPES: oidc.scopes }),
        LOGLINE_OIDC_TOKEN_ID_CLAIM: oidc.tokenIdClaim,
        ...(oidc.operatorTenant === '' ? {} : { LOGLINE_OIDC_OPERATOR_TENANT: oidc.operatorTenant }),
      };
}
