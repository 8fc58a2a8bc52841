import { connectionLimit } from '../runtime/db/roles';
import { isTickKernel, KERNEL_NAMES } from '../runtime/host/kernel-table';
import { CONNECTIONS_PER_INSTANCE } from '../runtime/lambda/environment';
import type { StackSettings } from './stack-settings';

/** Warnings about settings that AWS accepts. */
export function warningsOf(settings: StackSettings): string[] {
  return [keysWithoutWay(settings), moreConnections(settings), backupOfAurora(settings)].filter(
    (warning) => warning !== undefined,
  );
}

function keysWithoutWay({ network, providerNames }: StackSettings): string | undefined {
  if (network.egress !== 'ipv6' || providerNames.length === 0) return undefined;
  return (
    `keys are set for ${providerNames.join(', ')}, but egress is ipv6: provider_exec reaches only hosts with an ` +
    'IPv6 address (AAAA record). For a provider without one, set logline:network.egress to nat.'
  );
}

/** Warns when kernels and Stage-0, which log in as one role, may exceed its connection limit. */
function moreConnections({ database, functions }: StackSettings): string | undefined {
  const limit = connectionLimit('app', database.maxConnections);
  const copies = functions.tickConcurrency * KERNEL_NAMES.filter(isTickKernel).length;
  const wanted = (copies + (functions.apiConcurrency ?? 0)) * CONNECTIONS_PER_INSTANCE;
  if (wanted <= limit) return undefined;
  return (
    `functions may ask for ${wanted} connections at once (logline:functions.tickConcurrency, apiConcurrency), and ` +
    `logline_app has ${limit} on this database: take a larger class, or fewer copies.`
  );
}

/** Aurora needs an opt-in even if a plan names the cluster (AWS Backup guide, "Getting started"). */
function backupOfAurora({ backup, database, region }: StackSettings): string | undefined {
  if (backup === undefined || database.engine !== 'aurora') return undefined;
  return (
    'AWS Backup takes Aurora only where the account has opted in: ' +
    `aws backup update-region-settings --region ${region} --resource-type-opt-in-preference Aurora=true`
  );
}
