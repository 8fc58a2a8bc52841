import type { SettingsReader } from './settings-reader';

/** `logline:monitoring` */
export interface MonitoringSettings {
  /** Where alarms are mailed to. Without it they still change state and show on the dashboard. */
  readonly alarmEmail: string | undefined;
  /** Defaults to true. */
  readonly dashboard: boolean;
  /** Alarms on latency, free memory, CPU credits and late ticks too. Defaults to the stack's `protect`. */
  readonly detailed: boolean;
}

export function readMonitoring(root: SettingsReader, protect: boolean): MonitoringSettings {
  const reader = root.object('monitoring', ['alarmEmail', 'dashboard', 'detailed']);
  return {
    alarmEmail: reader.optionalText('alarmEmail', /^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'an e-mail address'),
    dashboard: reader.boolean('dashboard', true),
    detailed: reader.boolean('detailed', protect),
  };
}
