import { OperatorError } from './operator-error';

/** What the environment says about a local run. */
export interface DevSettings {
  readonly port: number;
  readonly host: string;
  readonly databaseUrl: string | undefined;
}

const DEFAULT_PORT = 8787;

/**
 * Reads `PORT` (8787; 0 lets the system choose), `HOST` (127.0.0.1) and `DATABASE_URL`.
 * @throws OperatorError (exit code 2) that names the variable
 */
export function devSettings(env: NodeJS.ProcessEnv = process.env): DevSettings {
  return {
    port: parsePort(env.PORT),
    host: env.HOST || '127.0.0.1',
    databaseUrl: env.DATABASE_URL || undefined,
  };
}

function parsePort(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_PORT;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new OperatorError(`PORT must be a number from 0 to 65535, got "${text}"`, { exitCode: 2 });
  }
  return port;
}
