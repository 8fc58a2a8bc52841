import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** An entry of a stand-in log group. */
export interface StandInEvent {
  readonly eventId: string;
  readonly timestamp: number;
  readonly message: string;
}

/** Answer of a function. */
export interface StandInAnswer {
  readonly payload: unknown;
  readonly failed?: boolean;
}

/** Contents of the stand-in AWS account. Tests change it between commands. */
export interface AccountContents {
  /** Log group → entries, oldest first. */
  readonly logs: Map<string, StandInEvent[]>;
  /** `service/code` → value. */
  readonly quotas: Map<string, number>;
  /** Function → its environment. */
  readonly functions: Map<string, Readonly<Record<string, string>>>;
  /** Function → its result or failure; a list is used in order, the last item repeatedly. */
  readonly answers: Map<string, StandInAnswer | StandInAnswer[]>;
  /** Identifiers of RDS instances and clusters. */
  readonly databases: Set<string>;
  /** Snapshot → its database. */
  readonly snapshots: Map<string, string>;
  /** ARN → text. */
  readonly secrets: Map<string, string>;
  /** Operation → error code to answer with. */
  readonly refusals: Map<string, string>;
}

/** Entries a page, few, so that a small log has several pages. */
const PAGE = 2;

/**
 * Stand-in for STS, CloudWatch Logs, Service Quotas, Secrets Manager, Lambda and RDS on the loopback, with their protocols,
 * for the SDK's clients: set AWS_ENDPOINT_URL to {@link url}.
 */
export class AwsAccount {
  readonly contents: AccountContents = {
    logs: new Map(),
    quotas: new Map(),
    functions: new Map(),
    answers: new Map(),
    databases: new Set(),
    snapshots: new Map(),
    secrets: new Map(),
    refusals: new Map(),
  };
  /** Operations in order of their calls. */
  readonly asked: string[] = [];
  /** Calls of functions with their events. */
  readonly calls: { readonly name: string; readonly event: Record<string, unknown> }[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async start(): Promise<AwsAccount> {
    const account = new AwsAccount();
    account.#server.listen(0, '127.0.0.1');
    await once(account.#server, 'listening');
    return account;
  }

  get url(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  }

  /** Environment for a command that uses this account. */
  get env(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: this.url,
      AWS_ACCESS_KEY_ID: 'AKIDSTANDIN',
      AWS_SECRET_ACCESS_KEY: 'stand-in-secret-access-key',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const operation = operationOf(request, body);
    this.asked.push(operation);
    if (!/^AWS4-HMAC-SHA256 Credential=AKIDSTANDIN\//.test(request.headers.authorization ?? '')) {
      return refuse(response, operation, 'UnrecognizedClientException', 'unsigned');
    }
    const refusal = this.contents.refusals.get(operation);
    if (refusal !== undefined)
      return refuse(response, operation, refusal, `refused by the test: ${operation}`);
    return this.#answer(operation, request, body, response);
  }

  #answer(
    operation: string,
    request: IncomingMessage,
    body: string,
    response: ServerResponse,
  ): ServerResponse {
    switch (operation) {
      case 'GetCallerIdentity':
        return response.writeHead(200, { 'content-type': 'text/xml' }).end(CALLER_IDENTITY);
      case 'DescribeDBInstances':
      case 'DescribeDBClusters':
      case 'CreateDBSnapshot':
      case 'CreateDBClusterSnapshot':
        return this.#askRds(operation, request, new URLSearchParams(body), response);
      case 'GetServiceQuota': {
        const { ServiceCode, QuotaCode } = JSON.parse(body);
        const value = this.contents.quotas.get(`${ServiceCode}/${QuotaCode}`);
        return value === undefined
          ? refuse(response, operation, 'NoSuchResourceException', 'no such quota')
          : answer(response, { Quota: { ServiceCode, QuotaCode, Value: value } });
      }
      case 'FilterLogEvents':
        return this.#filterLogEvents(JSON.parse(body), response);
      case 'GetSecretValue': {
        const { SecretId } = JSON.parse(body);
        const text = this.contents.secrets.get(SecretId);
        return text === undefined
          ? refuse(response, operation, 'ResourceNotFoundException', 'no such secret')
          : answer(response, { ARN: SecretId, Name: SecretId, SecretString: text });
      }
      case 'Invoke': {
        const name = functionIn(request);
        this.calls.push({ name, event: JSON.parse(body) });
        const answers = [this.contents.answers.get(name) ?? []].flat();
        const [result, ...later] = answers;
        if (later.length > 0) this.contents.answers.set(name, later);
        return result === undefined
          ? refuse(response, operation, 'ResourceNotFoundException', 'no such function')
          : response
              .writeHead(200, result.failed ? { 'x-amz-function-error': 'Unhandled' } : {})
              .end(JSON.stringify(result.payload));
      }
      case 'GetFunctionConfiguration': {
        const name = functionIn(request);
        const variables = this.contents.functions.get(name);
        return variables === undefined
          ? refuse(response, operation, 'ResourceNotFoundException', 'no such function')
          : answer(response, {
              FunctionName: name,
              Environment: { Variables: variables },
              VpcConfig: { VpcId: 'vpc-1', SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] },
            });
      }
      default:
        return refuse(
          response,
          operation,
          'UnknownOperationException',
          `${operation} is not part of this stand-in`,
        );
    }
  }

  /** Answers as in the RDS API reference; refuses calls that are not signed for RDS. */
  #askRds(
    operation: string,
    request: IncomingMessage,
    form: URLSearchParams,
    response: ServerResponse,
  ): ServerResponse {
    const isCluster = operation.includes('Cluster');
    const kind = isCluster ? 'DBCluster' : 'DBInstance';
    const database = form.get(`${kind}Identifier`) ?? '';
    if (!/\/us-east-1\/rds\/aws4_request/.test(request.headers.authorization ?? ''))
      return refuse(response, operation, 'SignatureDoesNotMatch', 'not signed for rds');
    if (form.get('Version') !== '2014-10-31')
      return refuse(response, operation, 'InvalidAction', 'no such version');
    if (!this.contents.databases.has(database)) {
      const code = isCluster ? 'DBClusterNotFoundFault' : 'DBInstanceNotFound';
      return refuse(response, operation, code, `${kind} ${database} not found.`);
    }
    if (operation.startsWith('Describe')) {
      const groups = '<VpcSecurityGroupId>sg-1</VpcSecurityGroupId>';
      return xml(
        response,
        operation,
        isCluster
          ? `<DBClusters><DBCluster><DBClusterParameterGroup>parameters</DBClusterParameterGroup><DBSubnetGroup>subnets</DBSubnetGroup>${groups}</DBCluster></DBClusters>`
          : `<DBInstances><DBInstance><DBParameterGroupName>parameters</DBParameterGroupName><DBSubnetGroup><DBSubnetGroupName>subnets</DBSubnetGroupName></DBSubnetGroup>${groups}</DBInstance></DBInstances>`,
      );
    }
    const element = isCluster ? 'DBClusterSnapshot' : 'DBSnapshot';
    const snapshot = form.get(`${element}Identifier`) ?? '';
    if (!/^[a-z](-?[a-z0-9])*$/.test(snapshot) || snapshot.length > 255)
      return refuse(response, operation, 'InvalidParameterValue', `${snapshot} is not a valid identifier.`);
    this.contents.snapshots.set(snapshot, database);
    return xml(response, operation, `<${element}><Status>creating</Status></${element}>`);
  }

  /** Paginates like CloudWatch; supports only quoted text of its filter syntax. */
  #filterLogEvents(
    query: { logGroupName: string; startTime?: number; filterPattern?: string; nextToken?: string },
    response: ServerResponse,
  ): ServerResponse {
    const events = this.contents.logs.get(query.logGroupName);
    if (events === undefined) {
      return refuse(response, 'FilterLogEvents', 'ResourceNotFoundException', 'no such log group');
    }
    if (query.filterPattern?.startsWith('{ broken')) {
      return refuse(response, 'FilterLogEvents', 'InvalidParameterException', 'Invalid filter pattern');
    }
    const wanted = query.filterPattern?.replace(/^"(.*)"$/, '$1') ?? '';
    const found = events.filter(
      ({ timestamp, message }) => timestamp >= (query.startTime ?? 0) && message.includes(wanted),
    );
    const offset = Number(query.nextToken ?? 0);
    const end = offset + PAGE;
    return answer(response, {
      events: found.slice(offset, end),
      ...(end < found.length ? { nextToken: String(end) } : {}),
    });
  }
}

const CALLER_IDENTITY = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>arn:aws:iam::123456789012:user/operator</Arn>
    <UserId>AIDASTANDIN</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>`;

/** The operation's name, from a header (JSON), the form (query) or the path (REST). */
function operationOf(request: IncomingMessage, body: string): string {
  const target = String(request.headers['x-amz-target'] ?? '');
  if (target !== '') return target.split('.').at(-1) ?? '';
  const action = new URLSearchParams(body).get('Action');
  if (action !== null) return action;
  const [, , , , resource = ''] = (request.url ?? '').split(/[/?]/);
  const known: Readonly<Record<string, string>> = {
    configuration: 'GetFunctionConfiguration',
    invocations: 'Invoke',
  };
  return known[resource] ?? `${request.method} ${request.url}`;
}

/** `/2015-03-31/functions/NAME/…` */
function functionIn(request: IncomingMessage): string {
  return decodeURIComponent((request.url ?? '').split('/')[3] ?? '');
}

function answer(response: ServerResponse, value: unknown): ServerResponse {
  return response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(value));
}

/** The envelope of the Query protocol. */
function xml(response: ServerResponse, operation: string, result: string): ServerResponse {
  return response
    .writeHead(200, { 'content-type': 'text/xml' })
    .end(
      `<${operation}Response><${operation}Result>${result}</${operation}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${operation}Response>`,
    );
}

function refuse(response: ServerResponse, operation: string, code: string, message: string): ServerResponse {
  if (operation === 'GetCallerIdentity' || operation.includes('DB')) {
    return response
      .writeHead(code.includes('NotFound') ? 404 : 403, { 'content-type': 'text/xml' })
      .end(
        `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
      );
  }
  return response
    .writeHead(code === 'ResourceNotFoundException' ? 404 : 400, {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-errortype': code,
    })
    .end(JSON.stringify({ __type: code, message }));
}
