/** A job that runs at an interval, in seconds. */
export interface IntervalCadence {
  readonly kind: 'interval';
  readonly everySeconds: number;
}

/** A job that runs daily at a local time, also across daylight-saving changes. */
export interface DailyCadence {
  readonly kind: 'daily';
  /** Local time as `HH:MM`. */
  readonly at: string;
  /** IANA time zone. */
  readonly timezone: string;
}
