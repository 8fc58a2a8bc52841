import type { SettingsReader } from './settings-reader';

/** `logline:monitoring`: alarms and dashboard. */
export interface MonitoringSettings {
  /** E-mail address for alarms. Defaults to none: alarms then show in CloudWatch only. */
  readonly alarmEmail: string | undefined;
  /** A CloudWatch dashboard, $3 a month. Defaults to true. */
  readonly dashboard: boolean;
  /** Also alarms on latency, free memory, CPU credits and late ticks. Defaults to the stack's `protect`. */
  readonly detailed: boolean;
}

/** Reads the group `monitoring`; faults go to the reader. */
export function readMonitoring(root: SettingsReader, protect: boolean): MonitoringSettings {
  const reader = root.object('monitoring', ['alarmEmail', 'dashboard', 'detailed']);
  return {
    alarmEmail: reader.optionalText('alarmEmail', /^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'an e-mail address'),
    dashboard: reader.boolean('dashboard', true),
    detailed: reader.boolean('detailed', protect),
  };
}
