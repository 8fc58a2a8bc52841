import type { DatabaseOptions } from '../runtime/db/database-options';
import { Database } from '../runtime/db/pool';
import type { KeyRing } from '../runtime/ledger/keys/key-ring';
import type { SpanWriter } from '../runtime/ledger/span-writer';
import type { Logger } from '../runtime/log/logger';
import { Auditor } from '../runtime/proofs/auditor';
import type { CheckpointKeys } from '../runtime/proofs/checkpoint-keys';
import { checkpointDay, keepCheckpoints } from '../runtime/proofs/keep-checkpoints';
import { publishCheckpointKeys, storedInstance } from '../runtime/proofs/log-instance';
import { parseWitnesses, tenantsOf } from '../runtime/proofs/remote-witness';
import { SealLoop } from '../runtime/proofs/seal-loop';
import { Sealer } from '../runtime/proofs/sealer';
import { WitnessPush } from '../runtime/proofs/witness-push';
import { CheckpointKeyFile } from './checkpoint-keys';
import type { DataDirectory } from './data-directory';
import { GuardFile, guardPath } from './guard-file';
import { KeptCheckpoints } from './kept-checkpoints';

/** Connections of each of the two roles. */
const POOL_SIZE = 2;
const DAILY_LOOK_MS = 30_000;
/** Least milliseconds between two pushes of a log to witnesses. */
const PUSH_MS = 60_000;
/** Interval in milliseconds of publishing the key file's keys. */
const PUBLISH_MS = 1_000;

/** Options of {@link openSealing}. */
export interface SealingOptions {
  readonly data: DataDirectory;
  /** Connections as roles `logline_sealer` and `logline_auditor`. */
  readonly sealer: DatabaseOptions;
  readonly auditor: DatabaseOptions;
  /** The keys that sign spans. */
  readonly keys: () => KeyRing;
  readonly logger: Logger;
  /** `LOGLINE_ORIGIN`. */
  readonly origin: string | undefined;
  /** `LOGLINE_WITNESSES`: a line `witness <name> <verifier key> <url>` for each. */
  readonly witnesses: string;
  /** `LOGLINE_WITNESSED_TENANTS`, separated by commas: a witness learns their names and sizes. */
  readonly witnessedTenants: string;
  /** Connection as role `logline_app`, which appends the daily checkpoint spans. */
  readonly database: Database;
  readonly append: SpanWriter['append'];
  /** Prints a warning for the user. */
  readonly onTrouble: (message: string) => void;
}

/** The sealing and auditing of a local run. */
export interface Sealing {
  /** Reports a commit, so that sealing starts at once. */
  wake(): void;
  stop(): Promise<void>;
}

/**
 * Starts sealing and auditing.
 * @throws OperatorError, ConfigurationError when keys or origin are invalid
 */
export async function openSealing(options: SealingOptions): Promise<Sealing> {
  const { data, keys, logger, origin, onTrouble } = options;
  const witnesses = parseWitnesses(options.witnesses);
  const file = new CheckpointKeyFile(data.checkpointKeys);
  await file.prepare();
  const sealing = new Database({ ...options.sealer, poolSize: POOL_SIZE, applicationName: 'logline sealer' });
  const auditing = new Database({
    ...options.auditor,
    poolSize: POOL_SIZE,
    applicationName: 'logline auditor',
  });
  try {
    const instance = await storedInstance(sealing, origin, file.keys());
    await publishCheckpointKeys(sealing, file.keys());
    const sealer = new Sealer({
      database: sealing,
      keys: () => file.keys(),
      instance,
      guard: new GuardFile(guardPath(data.path)),
    });
    const auditor = new Auditor({
      database: auditing,
      keys: () => keys().keys,
      onMismatch(mismatch) {
        logger.error({ code: 'proofs_stopped', ...mismatch }, 'a span is not what the log bears');
        onTrouble(
          `the log of tenant ${mismatch.tenant} is stopped: span ${mismatch.id} version ${mismatch.seq} at position ${mismatch.position}: ${mismatch.detail}; see docs/operations.md`,
        );
      },
    });
    const loop = new SealLoop({ sealer, auditor, logger });
    const publishing = keepKeysPublished(sealing, file, logger);
    loop.start();
    const keeping = keepDaily(options, sealing, file);
    const tenants = tenantsOf(options.witnessedTenants);
    const push = new WitnessPush({ sealing, database: options.database, witnesses, tenants, logger });
    const pushing = pushEachMinute(push, logger);
    return {
      wake: () => loop.wake(),
      async stop() {
        clearInterval(publishing);
        await Promise.all([keeping.stop(), pushing.stop()]);
        await loop.stop();
        await Promise.all([sealing.close(), auditing.close()]);
      },
    };
  } catch (error) {
    await Promise.all([sealing.close(), auditing.close()]);
    throw error;
  }
}

/** Pushes checkpoints to witnesses in a loop of its own, so that sealing never waits for them. */
function pushEachMinute(push: WitnessPush, logger: Logger): { stop(): Promise<void> } {
  let running: Promise<void> | undefined;
  const start = (): void => {
    running ??= push
      .push()
      .then(
        () => undefined,
        (error) => logger.error({ err: error }, 'checkpoints could not be pushed to witnesses; trying again'),
      )
      .finally(() => {
        running = undefined;
      });
  };
  start();
  const timer = setInterval(start, PUSH_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      push.stop();
      await running;
    },
  };
}

/** Keeps a checkpoint of each changed log once a day after midnight in Paris; a missed night is caught up. */
function keepDaily(
  { data, database, append, logger }: SealingOptions,
  sealing: Database,
  file: CheckpointKeyFile,
): { stop(): Promise<void> } {
  const kept = new KeptCheckpoints(data.checkpoints);
  let running = Promise.resolve();
  const look = async (): Promise<void> => {
    const date = checkpointDay();
    if (await kept.isDone(date)) return;
    const keep = (tenant: string, note: string): Promise<void> => kept.keep(date, tenant, note);
    const count = await keepCheckpoints({ sealing, database, keys: file.keys(), append, keep });
    await kept.finish(date);
    logger.info({ date, checkpoints: count }, 'checkpoints of the day are kept');
  };
  let isRunning = false;
  const start = (): void => {
    if (isRunning) return;
    isRunning = true;
    running = look()
      .catch((error) =>
        logger.error({ err: error }, 'the checkpoints of the day could not be kept; trying again'),
      )
      .finally(() => {
        isRunning = false;
      });
  };
  start();
  const timer = setInterval(start, DAILY_LOOK_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}

/** Publishes keys to the database when the key file changes. */
function keepKeysPublished(database: Database, file: CheckpointKeyFile, logger: Logger): NodeJS.Timeout {
  const nameOf = ({ current, along }: CheckpointKeys): string =>
    [current, ...along].map(({ publicKeyHex }) => publicKeyHex).join();
  let published = nameOf(file.keys());
  const timer = setInterval(() => {
    try {
      const keys = file.keys();
      if (nameOf(keys) === published) return;
      published = nameOf(keys);
      publishCheckpointKeys(database, keys).catch((error) => {
        published = '';
        logger.error({ err: error }, 'the checkpoint keys could not be published');
      });
    } catch (error) {
      logger.error({ err: error }, 'the checkpoint keys cannot be read');
    }
  }, PUBLISH_MS);
  timer.unref();
  return timer;
}
