import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { CORS_HEADERS } from '../runtime/stage0/cors-headers';
import { type OperationName, ROUTES } from '../runtime/stage0/route-table';
import type { ApiSettings } from './api-settings';
import type { LambdaFunction } from './function';
import type { Names } from './names';
import type { OidcSettings } from './oidc-settings';

/** Arguments of {@link Api}. */
export interface ApiArgs {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** The group `api`: CORS, throttling, explorer. */
  readonly settings: ApiSettings;
  /** The issuer whose tokens API Gateway checks with `atGateway`; undefined without one. */
  readonly oidc: OidcSettings | undefined;
  /** The function that answers every route. */
  readonly stage0: LambdaFunction;
  /** Days that access logs are kept. */
  readonly logRetentionDays: number;
}

/** Routes that need no token even with `oidc.atGateway`. */
const OPEN: ReadonlySet<OperationName> = new Set(['readHealth', 'readKeys', 'readOpenApi']);

/** Logical name → route of the explorer. `{file+}` matches one segment or more, so `/explorer/` has a route of its own. */
const EXPLORER_ROUTES: readonly (readonly [string, string])[] = [
  ['home', 'GET /'],
  ['explorer', 'GET /explorer'],
  ['explorer-home', 'GET /explorer/'],
  ['explorer-files', 'GET /explorer/{file+}'],
];

/**
 * Share of the API's rate for each route without a token. It has a bucket of its own, so a flood there does not
 * throttle callers with a token.
 */
const ANONYMOUS_SHARE = 0.2;

/** `appendSpans` → `append-spans`: the stable logical name of a route. */
function logicalName(operation: OperationName): string {
  return operation.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What an access log line says. No header, query or body: tokens and content stay out of the logs. */
const ACCESS_LOG_FORMAT = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTime',
  ip: '$context.identity.sourceIp',
  route: '$context.routeKey',
  status: '$context.status',
  bytes: '$context.responseLength',
  latencyMs: '$context.responseLatency',
  integrationError: '$context.integrationErrorMessage',
});

/**
 * The HTTP API: one route per row of the route table, all answered by Stage-0, with throttling and access logs.
 *
 * Costs by use: $1.00 per million requests, $0.50 per GB of access logs (us-east-1, 2026-11).
 */
export class Api extends pulumi.ComponentResource {
  /** The HTTP API itself. */
  readonly api: aws.apigatewayv2.Api;
  /** URL without a slash at the end. */
  readonly endpoint: pulumi.Output<string>;

  readonly #args: ApiArgs;

  constructor(name: string, args: ApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Api', name, {}, opts);
    this.#args = args;
    this.api = this.#createApi(name);
    this.endpoint = this.api.apiEndpoint;
    const authorizerId = this.#createAuthorizer(name);
    const routes = this.#createRoutes(name, authorizerId);
    this.#createStage(name, routes);
    this.#allowInvocation(name);
    this.registerOutputs({ endpoint: this.endpoint });
  }

  #createApi(name: string): aws.apigatewayv2.Api {
    const { corsOrigins, corsCredentials } = this.#args.settings;
    return new aws.apigatewayv2.Api(
      name,
      {
        name: this.#args.names.of('api', 'api'),
        description: 'LogLine',
        protocolType: 'HTTP',
        ipAddressType: 'dualstack',
        ...(corsOrigins.length === 0
          ? {}
          : {
              corsConfiguration: {
                allowOrigins: [...corsOrigins],
                allowCredentials: corsCredentials,
                allowMethods: ['GET', 'POST'],
                allowHeaders: [...CORS_HEADERS.allowed],
                exposeHeaders: [...CORS_HEADERS.exposed],
                maxAge: 3600,
              },
            }),
      },
      { parent: this },
    );
  }

  #createAuthorizer(name: string): pulumi.Output<string> | undefined {
    const { oidc, names } = this.#args;
    if (oidc === undefined || !oidc.atGateway) {
      return undefined;
    }
    return new aws.apigatewayv2.Authorizer(
      name,
      {
        apiId: this.api.id,
        name: names.of('api', 'oidc'),
        authorizerType: 'JWT',
        identitySources: ['$request.header.Authorization'],
        jwtConfiguration: { issuer: oidc.issuer, audiences: [oidc.audience] },
      },
      { parent: this },
    ).id;
  }

  #createRoutes(name: string, authorizerId: pulumi.Output<string> | undefined): aws.apigatewayv2.Route[] {
    const integration = new aws.apigatewayv2.Integration(
      name,
      {
        apiId: this.api.id,
        integrationType: 'AWS_PROXY',
        integrationMethod: 'POST',
        integrationUri: this.#args.stage0.function.invokeArn,
        payloadFormatVersion: '2.0',
        timeoutMilliseconds: 30_000,
      },
      { parent: this },
    );
    const target = pulumi.interpolate`integrations/${integration.id}`;
    const create = (logical: string, routeKey: string, authorizer?: pulumi.Output<string>) =>
      new aws.apigatewayv2.Route(
        `${name}-${logical}`,
        {
          apiId: this.api.id,
          routeKey,
          target,
          ...(authorizer === undefined
            ? { authorizationType: 'NONE' }
            : { authorizationType: 'JWT', authorizerId: authorizer }),
        },
        { parent: this },
      );
    const routes = ROUTES.map(({ operation, method, path }) =>
      create(logicalName(operation), `${method} ${path}`, OPEN.has(operation) ? undefined : authorizerId),
    );
    // The explorer's files hold no tenant data; the page reads that through the routes above.
    const pages = this.#args.settings.explorer ? EXPLORER_ROUTES : [];
    return [...routes, ...pages.map(([logical, routeKey]) => create(logical, routeKey))];
  }

  /** Every route gets explicit limits: API Gateway treats a missing limit in route settings as 0. */
  #routeSettings(): aws.types.input.apigatewayv2.StageRouteSetting[] {
    const { rateLimit, burstLimit, explorer } = this.#args.settings;
    const limits = (share: number) => ({
      throttlingRateLimit: Math.max(1, Math.ceil(rateLimit * share)),
      throttlingBurstLimit: Math.max(1, Math.ceil(burstLimit * share)),
      detailedMetricsEnabled: false,
    });
    const routes = ROUTES.map(({ operation, method, path }) => ({
      routeKey: `${method} ${path}`,
      ...limits(OPEN.has(operation) ? ANONYMOUS_SHARE : 1),
    }));
    const pages = explorer ? EXPLORER_ROUTES : [];
    return [...routes, ...pages.map(([, routeKey]) => ({ routeKey, ...limits(ANONYMOUS_SHARE) }))];
  }

  #createStage(name: string, routes: aws.apigatewayv2.Route[]): void {
    const { names, settings, logRetentionDays } = this.#args;
    const logs = new aws.cloudwatch.LogGroup(
      `${name}-access`,
      // Groups below /aws/vendedlogs do not count towards the size limit of the account's log policy.
      { name: `/aws/vendedlogs/apis/${names.of('log', 'api')}`, retentionInDays: logRetentionDays },
      { parent: this },
    );
    new aws.apigatewayv2.Stage(
      name,
      {
        apiId: this.api.id,
        name: '$default',
        autoDeploy: true,
        accessLogSettings: { destinationArn: logs.arn, format: ACCESS_LOG_FORMAT },
        // API Gateway treats a missing limit as 0, and then every call gets 429.
        routeSettings: this.#routeSettings(),
        defaultRouteSettings: {
          throttlingRateLimit: settings.rateLimit,
          throttlingBurstLimit: settings.burstLimit,
          detailedMetricsEnabled: false,
        },
      },
      { parent: this, dependsOn: routes },
    );
  }

  #allowInvocation(name: string): void {
    new aws.lambda.Permission(
      name,
      {
        function: this.#args.stage0.function.name,
        action: 'lambda:InvokeFunction',
        principal: 'apigateway.amazonaws.com',
        sourceArn: pulumi.interpolate`${this.api.executionArn}/*/*`,
      },
      { parent: this },
    );
  }
}
