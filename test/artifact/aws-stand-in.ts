import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { LambdaPackage } from './lambda-package';
import { type InvocationResult, textOf } from './runtime-api';
import { S3StandIn } from './s3-stand-in';

/** A secret with its versions. */
export interface StoredSecret {
  AWSCURRENT?: string;
  AWSPREVIOUS?: string;
  /** Creation time of the current version. Defaults to now. */
  createdAt?: Date;
  /** Version id → text of every version. */
  readonly versions: Map<string, string>;
}

/** Options of the stand-in. */
export interface AwsStandInOptions {
  /** ARN → secret. */
  readonly secrets: Map<string, StoredSecret>;
  /** All functions: callers are identified by their credentials and limited to their role. */
  readonly packages: readonly LambdaPackage[];
  /** Invokes a function by its name. */
  readonly invoke: (functionName: string, event: unknown) => Promise<InvocationResult>;
}

/**
 * Stand-in for Secrets Manager, Lambda and S3 on the loopback, with their protocols and the program's permissions. Each
 * function's access key id is its name, by which the stand-in finds its role.
 */
export class AwsStandIn {
  /** Refused calls: `function action resource`. */
  readonly denied: string[] = [];
  /** Secrets read: `function arn`. */
  readonly read = new Set<string>();
  readonly s3 = new S3StandIn();
  readonly #options: AwsStandInOptions;
  readonly #server: Server;

  private constructor(options: AwsStandInOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async start(options: AwsStandInOptions): Promise<AwsStandIn> {
    const standIn = new AwsStandIn(options);
    standIn.#server.listen(0, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  get url(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request);
    const caller = /Credential=([^/]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const target = String(request.headers['x-amz-target'] ?? '');
    const invoked = /^\/2015-03-31\/functions\/([^/]+)\/invocations/.exec(request.url ?? '')?.[1];
    if (target === 'secretsmanager.GetSecretValue') {
      this.#getSecret(caller, JSON.parse(body), response);
    } else if (target === 'secretsmanager.PutSecretValue') {
      this.#putSecret(caller, JSON.parse(body), response);
    } else if (invoked !== undefined) {
      await this.#invoke(caller, decodeURIComponent(invoked), body, response);
    } else if (target === '') {
      this.#object(caller, request, body, response);
    } else {
      refuse(response, 400, 'UnknownOperationException', `${target} is not part of this stand-in`);
    }
  }

  #getSecret(
    caller: string,
    query: { SecretId: string; VersionStage?: 'AWSCURRENT' | 'AWSPREVIOUS' },
    response: ServerResponse,
  ): void {
    const arn = query.SecretId;
    if (!this.#isAllowed(caller, 'secretsmanager:GetSecretValue', arn)) {
      refuse(response, 400, 'AccessDeniedException', `${caller} may not read ${arn}`);
      return;
    }
    const secret = this.#options.secrets.get(arn);
    const text = secret?.[query.VersionStage ?? 'AWSCURRENT'];
    if (text === undefined) {
      refuse(response, 400, 'ResourceNotFoundException', `no ${query.VersionStage} of ${arn}`);
      return;
    }
    this.read.add(`${caller} ${arn}`);
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(
      JSON.stringify({
        ARN: arn,
        Name: arn,
        SecretString: text,
        VersionStages: [query.VersionStage],
        CreatedDate: (secret?.createdAt ?? new Date()).getTime() / 1_000,
      }),
    );
  }

  /** As in the service: a version id that exists accepts the same text and refuses another. */
  #putSecret(
    caller: string,
    { SecretId: arn, SecretString: text, ClientRequestToken: id }: Record<string, string>,
    response: ServerResponse,
  ): void {
    const secret = this.#options.secrets.get(arn ?? '');
    if (!this.#isAllowed(caller, 'secretsmanager:PutSecretValue', arn ?? '')) {
      refuse(response, 400, 'AccessDeniedException', `${caller} may not write ${arn}`);
      return;
    }
    if (secret === undefined || text === undefined || id === undefined || id.length < 32 || id.length > 64) {
      refuse(response, 400, 'ResourceNotFoundException', `no ${arn}`);
      return;
    }
    const known = secret.versions.get(id);
    if (known !== undefined && known !== text) {
      refuse(response, 400, 'ResourceExistsException', `version ${id} has another value`);
      return;
    }
    if (known === undefined) {
      secret.versions.set(id, text);
      if (secret.AWSCURRENT !== undefined) secret.AWSPREVIOUS = secret.AWSCURRENT;
      secret.AWSCURRENT = text;
      secret.createdAt = new Date();
    }
    response
      .writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
      .end(JSON.stringify({ ARN: arn, Name: arn, VersionId: id, VersionStages: ['AWSCURRENT'] }));
  }

  #object(caller: string, request: IncomingMessage, body: string, response: ServerResponse): void {
    const name = decodeURIComponent((request.url ?? '').slice(1));
    const action = request.method === 'GET' ? 's3:GetObject' : 's3:PutObject';
    if (this.#isAllowed(caller, action, `arn:aws:s3:::${name}`))
      this.s3.handle(request, name, body, response);
    else response.writeHead(403).end();
  }

  async #invoke(caller: string, name: string, body: string, response: ServerResponse): Promise<void> {
    const arn = `arn:aws:lambda:us-east-1:123456789012:function:${name}`;
    if (!this.#isAllowed(caller, 'lambda:InvokeFunction', arn)) {
      refuse(response, 403, 'AccessDeniedException', `${caller} may not call ${name}`);
      return;
    }
    const result = await this.#options.invoke(name, JSON.parse(body === '' ? 'null' : body));
    response
      .writeHead(200, result.failed ? { 'x-amz-function-error': 'Unhandled' } : {})
      .end(JSON.stringify(result.payload));
  }

  #isAllowed(caller: string, action: string, resource: string): boolean {
    const lambda = this.#options.packages.find(({ functionName }) => functionName === caller);
    const allowed = lambda?.allowed.get(action)?.some((one) => covers(one, resource)) === true;
    if (!allowed) {
      this.denied.push(`${caller} ${action} ${resource}`);
    }
    return allowed;
  }
}

/** Supports only a wildcard at the end, which is all that the policies use. */
function covers(allowed: string, resource: string): boolean {
  return allowed.endsWith('/*') ? resource.startsWith(allowed.slice(0, -1)) : allowed === resource;
}

function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  response
    .writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': type })
    .end(JSON.stringify({ __type: type, message }));
}
