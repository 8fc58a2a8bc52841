import { OperatorError } from '../../local/operator-error';
import { member } from '../ledger-api';
import { resolveTarget } from '../target';

/** Options of `logline status --stack`. */
export interface StackStatusOptions {
  readonly stack: string;
  readonly tenant?: string;
  readonly json?: boolean;
}

/** User of this command's tokens, who owns no spans. */
const OPERATOR = 'logline-status';

/**
 * Prints the state of one tenant of a stack, from its API (`GET /api/status`).
 * @throws OperatorError when the stack is not deployed, its key cannot be read, or the API refuses
 */
export async function showStackStatus({ stack, tenant = 'system', json }: StackStatusOptions): Promise<void> {
  const { client, mint } = await resolveTarget({ stack });
  const token = await mint(OPERATOR, tenant);
  if (token === undefined)
    throw new OperatorError('unset LOGLINE_TOKEN: --stack makes its own', { exitCode: 2 });
  const [health, status] = [
    await client.request('/api/health'),
    await client.demand('/api/status', { token }),
  ];
  if (json) {
    process.stdout.write(`${JSON.stringify({ health: health.body, ...record(status) })}\n`);
    return;
  }
  const lines = [
    `stack   ${stack}, tenant ${tenant}`,
    `health  ${textOf(member(health.body, 'status'))} ${textOf(member(health.body, 'codes') ?? [])}`.trimEnd(),
    ...Object.entries(record(status)).map(([name, value]) => `${name.padEnd(8)}${textOf(value)}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** A value on one line, without needless JSON punctuation. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(textOf).join('; ');
  if (typeof value !== 'object' || value === null) return value === null ? '-' : String(value);
  return Object.entries(value)
    .map(([name, item]) => `${name.replaceAll('_', ' ')} ${textOf(item)}`)
    .join(', ');
}
