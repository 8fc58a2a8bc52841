import { STSClient } from '@aws-sdk/client-sts';
import { signedHeaders } from '../../runtime/lambda/aws-signature';
import { explainAwsError } from './aws-error';

/** Version of the Query API that all calls name. */
const API_VERSION = '2014-10-31';
const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** An error of RDS; `name` is its code, such as `DBInstanceNotFound`. */
export class RdsFault extends Error {
  constructor(code: string, message: string) {
    super(message);
    this.name = code;
  }
}

/**
 * Calls the Query API of RDS, signed with the credentials that the AWS CLI would use; `AWS_ENDPOINT_URL` overrides the
 * endpoint. Only two calls are needed, so the SDK's RDS client is no dependency.
 * @param params as the RDS API reference names them
 * @returns the answer, XML
 * @throws RdsFault when RDS refuses; OperatorError when it cannot be asked
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/Welcome.html
 */
export async function callRds(
  region: string,
  action: string,
  params: Readonly<Record<string, string>>,
): Promise<string> {
  const body = new URLSearchParams({ Action: action, Version: API_VERSION, ...params }).toString();
  const { status, text } = await send(region, body).catch((error: unknown) => {
    // `fetch` hides the reason in the cause of its TypeError.
    const cause = error instanceof TypeError ? error.cause : error;
    throw explainAwsError(cause, `ask RDS (${action})`);
  });
  if (status === 200) return text;
  throw new RdsFault(textIn(text, 'Code') ?? `HTTP ${status}`, textIn(text, 'Message') ?? 'RDS said no more');
}

async function send(region: string, body: string): Promise<{ status: number; text: string }> {
  const client = new STSClient({ region });
  const credentials = await client.config.credentials().finally(() => client.destroy());
  const url = new URL('/', endpointOf(region));
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const response = await fetch(url, {
    method: 'POST',
    headers: signedHeaders({ method: 'POST', url, headers, body }, credentials, region, 'rds'),
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  if (text.length > MAX_ANSWER_BYTES) throw new Error('the answer is longer than RDS makes any');
  return { status: response.status, text };
}

function endpointOf(region: string): string {
  const { AWS_ENDPOINT_URL_RDS: own, AWS_ENDPOINT_URL: all } = process.env;
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return own || all || `https://rds.${region}.${domain}`;
}

/** Text of the first element with this name; undefined when there is none. */
export function textIn(xml: string, element: string): string | undefined {
  return textsIn(xml, element)[0];
}

/** Texts of all elements with this name, in order. For identifiers and codes only: XML entities are not decoded. */
export function textsIn(xml: string, element: string): string[] {
  return [...xml.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'))].map(([, text = '']) => text);
}
