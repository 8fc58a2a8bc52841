/** A job that runs again and again, this many seconds apart. */
export interface IntervalCadence {
  readonly kind: 'interval';
  readonly everySeconds: number;
}

/** A job that runs at a wall-clock time of a place, right across daylight-saving changes. */
export interface DailyCadence {
  readonly kind: 'daily';
  /** Local time as `HH:MM`. */
  readonly at: string;
  /** IANA time zone. */
  readonly timezone: string;
}
