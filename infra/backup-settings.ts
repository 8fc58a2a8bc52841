import { FACTS_AS_OF, isKnownRegion, partitionOf } from './aws-facts';
import type { SettingsReader } from './settings-reader';

/** `logline:backup`: AWS Backup in addition to RDS's own automated backups. */
export interface BackupSettings {
  /** Days that a daily recovery point is kept, 1 to 365. Defaults to 35. */
  readonly days: number;
  /** Region that each recovery point is copied to. Defaults to none. */
  readonly copyRegion: string | undefined;
  /** Days that a copy is kept. Defaults to `days`. */
  readonly copyDays: number;
}

/** Reads the group `backup`; undefined when it is not set. */
export function readBackup(root: SettingsReader, region: string): BackupSettings | undefined {
  if (!root.has('backup')) return undefined;
  const reader = root.object('backup', ['days', 'copyRegion', 'copyDays']);
  const days = reader.integer('days', { min: 1, max: 365, fallback: 35 });
  const copyRegion = reader.optionalText(
    'copyRegion',
    /^[a-z]{2}(-[a-z]+)+-\d$/,
    'a region such as eu-west-1',
  );
  if (copyRegion === region) reader.fault('copyRegion', 'is the region of the stack itself; choose another');
  else if (copyRegion !== undefined && partitionOf(copyRegion) !== partitionOf(region))
    reader.fault('copyRegion', 'lies in another partition of AWS, where nothing can be copied to');
  else if (copyRegion !== undefined && !isKnownRegion(copyRegion))
    reader.fault('copyRegion', `"${copyRegion}" is not in the list of regions of ${FACTS_AS_OF}`);
  if (copyRegion === undefined && reader.has('copyDays'))
    reader.fault('copyDays', 'has no meaning without copyRegion');
  return { days, copyRegion, copyDays: reader.integer('copyDays', { min: 1, max: 365, fallback: days }) };
}
