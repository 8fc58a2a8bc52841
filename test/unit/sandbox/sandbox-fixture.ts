import assert from 'node:assert/strict';
import {
  type HostCall,
  type SandboxError,
  type SandboxErrorCode,
  type SandboxOutcome,
  SandboxPool,
  type SandboxPoolOptions,
  type SandboxTask,
} from '../../../runtime/sandbox';

/** A host call that returns its arguments, so that a test sees what crossed the bridge. */
export const echo: HostCall = async (name, args) => ({ name, args });

export type TaskExtras = Partial<Omit<SandboxTask, 'code'>>;

/** A task with default settings. */
export function task(code: string, extras: TaskExtras = {}): SandboxTask {
  const env = { APP_USER_ID: 'alice', APP_TENANT_ID: 'acme' };
  return { code, entry: 'main', input: null, env, hostCall: echo, ...extras };
}

/** A pool for the tests of one `describe`, closed after them. */
export function poolFor(options: SandboxPoolOptions = {}) {
  let pool = new SandboxPool({ size: 2, ...options });
  before(async () => {
    pool = new SandboxPool({ size: 2, ...options });
    await pool.warm();
  });
  after(() => pool.close());
  return {
    get pool(): SandboxPool {
      return pool;
    },
    run: (code: string, extras?: TaskExtras): Promise<SandboxOutcome> => pool.run(task(code, extras)),
    /** The output of a run that must succeed. */
    async output(code: string, extras?: TaskExtras): Promise<unknown> {
      const outcome = await pool.run(task(code, extras));
      assert.ok(outcome.ok, `expected success, got ${JSON.stringify(outcome)}`);
      return outcome.output;
    },
    /** The error of a run that must fail with `code`. */
    async error(expected: SandboxErrorCode, code: string, extras?: TaskExtras): Promise<SandboxError> {
      const outcome = await pool.run(task(code, extras));
      assert.ok(!outcome.ok, `expected ${expected}, got ${JSON.stringify(outcome).slice(0, 500)}`);
      assert.equal(outcome.error.code, expected, JSON.stringify(outcome.error));
      return outcome.error;
    },
  };
}

/** A promise and its handles, for tests that decide when a host call answers. */
export function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
} {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  return { promise, resolve, reject };
}

/** Limits that end a hostile run soon; a generous wall time ensures that the limit under test applies. */
export const SHORT = { cpuMs: 150, wallMs: 20_000 };
