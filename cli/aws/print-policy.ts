import { dryRun } from '../../infra/dry-run';
import { deployPolicy, previewPolicy } from '../../infra/role-policies';
import { OperatorError } from '../../local/operator-error';
import { stackSettings } from './stack-file';

/** Options of `logline policy`. */
export interface PolicyOptions {
  readonly stack: string;
  readonly role: 'deploy' | 'preview';
  readonly account?: string;
}

/** Prints the IAM policy of a stack's deploy or preview role, computed from the program's resources; works offline. */
export async function printPolicy({ stack, role, account }: PolicyOptions): Promise<void> {
  if (account !== undefined && !/^\d{12}$/.test(account)) {
    throw new OperatorError('--account must be twelve digits', { exitCode: 2 });
  }
  const { project, region, partition, protect, edge, backup } = stackSettings(stack);
  const { resources } = await dryRun({ stack });
  const types = resources.filter(({ custom }) => custom).map(({ type }) => type);
  const scope = {
    project,
    stack,
    region,
    partition,
    protect,
    ...(backup?.copyRegion === undefined ? {} : { copyRegion: backup.copyRegion }),
    ...(edge?.zoneId === undefined ? {} : { zoneId: edge.zoneId }),
    ...(account === undefined ? {} : { accountId: account }),
  };
  const policy = role === 'deploy' ? deployPolicy(types, scope) : previewPolicy(types, scope);
  process.stdout.write(`${JSON.stringify(policy, null, 2)}\n`);
}
