import { type CostLine, line, thousands } from './cost-line';
import { HOURS } from './month';
import prices from './prices.json';
import { at, ofType, type Resources } from './resources';
import type { Usage } from './usage';

/** GB that change in a day, the size of each recovery point after the first. */
const CHANGED_GB_PER_DAY = 0.5;
/** Lines of an RDS instance and its storage; a class without a price is added to `unpriced`. */
export function databaseLines(resources: Resources, unpriced: string[]): CostLine[] {
  const hourly: Readonly<Record<string, number>> = prices.database_hour;
  return ofType(resources, 'aws:rds/instance:Instance').flatMap(({ inputs }) => {
    const size = String(inputs.instanceClass);
    const copies = inputs.multiAz === true ? 2 : 1;
    const price = hourly[size];
    if (price === undefined) {
      unpriced.push(`aws:rds/instance:Instance of class ${size}`);
    }
    const storageGb = Number(inputs.allocatedStorage);
    const twice = copies === 2 ? ', Multi-AZ' : '';
    return [
      line('database', (price ?? 0) * copies * HOURS, `${size}${twice}, ${HOURS} h`),
      line(
        'database storage',
        prices.database_storage_gb * storageGb * copies,
        `${storageGb} GB gp3${twice}`,
      ),
    ];
  });
}

/** Lines of an Aurora cluster: its instances, or its minimum of ACUs, and storage and I/O. */
export function clusterLines(
  resources: Resources,
  unpriced: string[],
  { auroraGb, auroraIoMillions }: Usage,
): CostLine[] {
  const hourly: Readonly<Record<string, number>> = prices.aurora_hour;
  const members = ofType(resources, 'aws:rds/clusterInstance:ClusterInstance');
  return ofType(resources, 'aws:rds/cluster:Cluster').flatMap(({ inputs }) => {
    const isOptimized = inputs.storageType === 'aurora-iopt1';
    const size = String(members[0]?.inputs.instanceClass);
    const units = Number(at(inputs.serverlessv2ScalingConfiguration, 'minCapacity') ?? 0);
    const price = units > 0 ? units * prices.aurora_acu_hour : hourly[size];
    if (price === undefined) unpriced.push(`aws:rds/clusterInstance:ClusterInstance of class ${size}`);
    const factor = isOptimized ? prices.aurora_optimized_factor : 1;
    const what = units > 0 ? `${units} capacity units at least` : size;
    const storage = isOptimized ? prices.aurora_optimized_storage_gb : prices.aurora_storage_gb;
    return [
      line(
        'database',
        (price ?? 0) * factor * members.length * HOURS,
        `Aurora, ${members.length} × ${what}${isOptimized ? ', optimised I/O' : ''}, ${HOURS} h`,
      ),
      line('database storage', storage * auroraGb, `${thousands(auroraGb)} GB assumed`),
      line(
        'database I/O',
        isOptimized ? 0 : prices.aurora_io_million * auroraIoMillions,
        `${thousands(auroraIoMillions)} million assumed`,
      ),
    ];
  });
}

/** Lines of AWS Backup: each vault has the whole database and the daily changes; a copy also costs its transfer. */
export function backupLines(resources: Resources, { auroraGb }: Usage): CostLine[] {
  const vaults = ofType(resources, 'aws:backup/vault:Vault').length;
  if (vaults === 0) return [];
  const days = Number(
    at(at(at(ofType(resources, 'aws:backup/plan:Plan')[0]?.inputs.rules, '0'), 'lifecycle'), 'deleteAfter'),
  );
  const gb = auroraGb + days * CHANGED_GB_PER_DAY;
  const basis = `${gb} GB in each of ${vaults}: ${auroraGb} GB, and ${CHANGED_GB_PER_DAY} GB of changes a day assumed`;
  return [
    line('backups', vaults * gb * prices.backup_gb, basis),
    line(
      'copies of backups',
      (vaults - 1) * 30 * CHANGED_GB_PER_DAY * prices.region_gb,
      `${30 * CHANGED_GB_PER_DAY} GB between regions assumed`,
    ),
  ];
}
