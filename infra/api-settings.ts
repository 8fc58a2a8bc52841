import type { SettingsReader } from './settings-reader';

/** `logline:api`: CORS, throttling and the explorer. */
export interface ApiSettings {
  /** Origins of browsers that may call the API; `*` for all. Defaults to none, which switches CORS off. */
  readonly corsOrigins: readonly string[];
  /** Let browsers send credentials. Not together with `*`. Defaults to false. */
  readonly corsCredentials: boolean;
  /** Steady limit in requests a second, 1–10,000. Defaults to 50. */
  readonly rateLimit: number;
  /** Size of the burst above `rateLimit` in requests, 1–5,000. Defaults to 100. */
  readonly burstLimit: number;
  /** Serve the explorer at `/explorer/` and redirect browsers from `/` to it. Defaults to true. */
  readonly explorer: boolean;
  /** Longest time in seconds that `Prefer: wait` holds an empty feed page, 0–20; a held page occupies an instance. Defaults to 0. */
  readonly maxWaitSeconds: number;
}

/** Reads the group `api`; faults go to the reader. */
export function readApi(root: SettingsReader): ApiSettings {
  const reader = root.object('api', [
    'corsOrigins',
    'corsCredentials',
    'rateLimit',
    'burstLimit',
    'explorer',
    'maxWaitSeconds',
  ]);
  const corsOrigins = reader.texts(
    'corsOrigins',
    /^(\*|https?:\/\/[^/\s*?#@,]+)$/,
    'an origin such as https://app.example.com, or *',
    [],
  );
  const corsCredentials = reader.boolean('corsCredentials', false);
  if (corsCredentials && corsOrigins.includes('*')) {
    reader.fault('corsOrigins', 'must name its origins (not *) when corsCredentials is true');
  }
  if (corsOrigins.includes('*') && corsOrigins.length > 1) {
    reader.fault('corsOrigins', '* already allows every origin; remove the others, or the *');
  }
  return {
    corsOrigins,
    corsCredentials,
    rateLimit: reader.integer('rateLimit', { min: 1, max: 10_000, fallback: 50 }),
    burstLimit: reader.integer('burstLimit', { min: 1, max: 5_000, fallback: 100 }),
    explorer: reader.boolean('explorer', true),
    maxWaitSeconds: reader.integer('maxWaitSeconds', { min: 0, max: 20, fallback: 0 }),
  };
}
