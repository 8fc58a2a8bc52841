import type { Context, SQSEvent } from 'aws-lambda';
import { isYounger } from '../base/age';
import { ConfigurationError } from '../base/errors';
import type { Database } from '../db/pool';
import { jobOfTick } from '../host/kernel-event';
import { FeedHold } from '../ledger/feed-hold';
import { SpanWriter } from '../ledger/span-writer';
import { createMetrics, type Metrics } from '../log/metrics';
import { Auditor } from '../proofs/auditor';
import type { CheckpointKeys } from '../proofs/checkpoint-keys';
import { checkpointDay, checkpointFile, keepCheckpoints } from '../proofs/keep-checkpoints';
import { publishCheckpointKeys, storedInstance } from '../proofs/log-instance';
import { Sealer, type SealOutcome } from '../proofs/sealer';
import { ASKING_MS, WitnessPush } from '../proofs/witness-push';
import { checkpointKeysOf } from './checkpoint-key-secret';
import { databaseAs, type LambdaRuntime, once, openLambdaRuntime } from './lambda-runtime';
import { KEYS_REMEMBERED_MS } from './rotating-keys';
import { S3Bucket } from './s3-bucket';
import { S3Guard } from './s3-guard';

/** The result of a tick, for the log and for tests. No message returns to the queue. */
export interface SealReport {
  readonly batchItemFailures: readonly [];
  readonly outcome: SealOutcome['outcome'];
  readonly sealed: number;
  readonly audited: number;
  /** Checkpoints of the day that were kept. */
  readonly kept: number;
  /** Cosignatures that witnesses gave. */
  readonly cosigned: number;
}

/** Name of its ticks, as `infra/scheduler.ts` sends them. */
const JOB = 'sealer';
/** Time for sealing in one tick, and for auditing after that. The next tick comes within 10 s. */
const SEAL_MS = 20_000;
const AUDIT_MS = 15_000;
const AUDIT_BATCH = 100;
/** Time kept at the end of a tick for recording it. */
const RESERVE_MS = 4_000;
/** Connections per role; two instances may run concurrently. */
const POOL_SIZE = 1;

/** The Lambda function that on each tick seals spans into the logs, audits what was sealed, and keeps a daily checkpoint. */
export function createSealerHandler(): (event: SQSEvent, context: Context) => Promise<SealReport> {
  const open = once(openSealing);
  return async (event, context) => {
    refuseOthers(event);
    const sealing = await open();
    return sealing.tick(Date.now() + context.getRemainingTimeInMillis());
  };
}

/** @throws ConfigurationError, MalformedError for an event that is no tick of the sealer */
function refuseOthers({ Records = [] }: Partial<SQSEvent>): void {
  const jobs = new Set(Records.map(({ body }) => jobOfTick(body)));
  if (jobs.size !== 1 || !jobs.has(JOB))
    throw new ConfigurationError(
      `sealer takes its own ticks alone, no event of ${[...jobs].join(', ') || 'others'}.`,
    );
}

async function openSealing(): Promise<LambdaSealing> {
  const runtime = await openLambdaRuntime('sealer');
  const { proofsBucket, checkpointKeySecretArn } = runtime.environment;
  if (proofsBucket === undefined || checkpointKeySecretArn === undefined)
    throw new ConfigurationError('LOGLINE_PROOFS_BUCKET and LOGLINE_CHECKPOINT_KEY_SECRET_ARN must be set.');
  return LambdaSealing.open(runtime, new S3Bucket(proofsBucket), checkpointKeySecretArn);
}

/** The sealer's side of one instance. */
class LambdaSealing {
  readonly #runtime: LambdaRuntime;
  readonly #bucket: S3Bucket;
  readonly #arn: string;
  readonly #sealing: Database;
  readonly #sealer: Sealer;
  readonly #auditor: Auditor;
  readonly #writer: SpanWriter;
  readonly #push: WitnessPush;
  readonly #metrics: Metrics = createMetrics();
  readonly #feed = new FeedHold();
  #keys: CheckpointKeys;
  #keysReadAtMs = Date.now();
  #keptDay = '';

  private constructor(
    runtime: LambdaRuntime,
    bucket: S3Bucket,
    arn: string,
    keys: CheckpointKeys,
    sealing: Database,
    instance: string,
  ) {
    this.#runtime = runtime;
    this.#bucket = bucket;
    this.#arn = arn;
    this.#keys = keys;
    this.#sealing = sealing;
    this.#sealer = new Sealer({
      database: sealing,
      keys: () => this.#keys,
      instance,
      guard: new S3Guard(bucket),
    });
    this.#auditor = new Auditor({
      database: databaseAs('auditor', runtime, POOL_SIZE),
      keys: () => runtime.keys().keys,
      onMismatch: (mismatch) =>
        runtime.logger.error({ code: 'proofs_stopped', ...mismatch }, 'a span is not what the log bears'),
    });
    this.#push = new WitnessPush({
      sealing,
      database: runtime.database,
      witnesses: runtime.environment.witnesses,
      tenants: runtime.environment.witnessedTenants,
      logger: runtime.logger,
    });
    this.#writer = new SpanWriter({ database: runtime.database, signingKey: () => runtime.keys().current });
  }

  static async open(runtime: LambdaRuntime, bucket: S3Bucket, arn: string): Promise<LambdaSealing> {
    const keys = checkpointKeysOf(await runtime.secrets.readObject(arn));
    const sealing = databaseAs('sealer', runtime, POOL_SIZE);
    const instance = await storedInstance(sealing, runtime.environment.settings.origin, keys);
    await publishCheckpointKeys(sealing, keys);
    return new LambdaSealing(runtime, bucket, arn, keys, sealing, instance);
  }

  /**
   * @param endMs when Lambda ends the tick
   * @throws any error, so that Lambda counts it; the next tick continues
   */
  async tick(endMs: number): Promise<SealReport> {
    const { logger } = this.#runtime;
    await this.#runtime.refreshKeys();
    await this.#refreshKeys();
    const { outcome, sealed, isCaughtUp } = await this.#seal(Date.now() + SEAL_MS);
    const isSealing = outcome !== 'busy' && outcome !== 'restore_needed';
    const audited = isSealing ? await this.#audit(Date.now() + AUDIT_MS) : 0;
    const kept = isSealing ? await this.#keepDaily() : 0;
    await this.#measure(outcome, isCaughtUp, sealed);
    const cosigned = isSealing ? await this.#askWitnesses(endMs - RESERVE_MS - ASKING_MS) : 0;
    const report = { batchItemFailures: [], outcome, sealed, audited, kept, cosigned } as const;
    if (outcome === 'restore_needed')
      logger.error(
        { code: 'restore_needed' },
        'the database is older than what the rollback guard knows was signed; nothing is sealed until npx logline restore --stack has run',
      );
    else if (sealed + audited + kept + cosigned > 0)
      logger.info({ sealed, audited, kept, cosigned }, 'sealed');
    return report;
  }

  async #seal(
    untilMs: number,
  ): Promise<{ outcome: SealOutcome['outcome']; sealed: number; isCaughtUp: boolean }> {
    let sealed = 0;
    for (;;) {
      const batch = await this.#sealer.sealBatch();
      if (batch.outcome !== 'sealed')
        return {
          outcome: sealed > 0 && batch.outcome === 'nothing' ? 'sealed' : batch.outcome,
          sealed,
          isCaughtUp: batch.outcome === 'nothing',
        };
      sealed += batch.spans;
      if (!batch.isMore) return { outcome: 'sealed', sealed, isCaughtUp: true };
      if (Date.now() > untilMs) return { outcome: 'sealed', sealed, isCaughtUp: false };
    }
  }

  async #audit(untilMs: number): Promise<number> {
    let audited = 0;
    for (;;) {
      const count = await this.#auditor.auditBatch(AUDIT_BATCH);
      audited += count;
      if (count === 0 || Date.now() > untilMs) return audited;
    }
  }

  /** Once a day, after midnight in Paris; a night that was missed is made up for. */
  async #keepDaily(): Promise<number> {
    const day = checkpointDay();
    if (day === this.#keptDay) return 0;
    const done = `checkpoints/${day}/complete`;
    let kept = 0;
    if ((await this.#bucket.read(done)) === undefined) {
      kept = await keepCheckpoints({
        sealing: this.#sealing,
        database: this.#runtime.database,
        keys: this.#keys,
        append: (identity, drafts) => this.#writer.append(identity, drafts),
        keep: async (tenant, note) => {
          await this.#bucket.write(`checkpoints/${day}/${checkpointFile(tenant)}`, note);
        },
      });
      await this.#bucket.write(done, `${kept}\n`);
    }
    this.#keptDay = day;
    return kept;
  }

  /** Once a minute, whichever instance it is. */
  async #askWitnesses(untilMs: number): Promise<number> {
    const { witnesses, witnessedTenants } = this.#runtime.environment;
    if (witnesses.length === 0 || witnessedTenants.length === 0 || Date.now() > untilMs) return 0;
    const { rowCount } = await this.#sealing.pool.query(
      // A time that lies ahead: the clock was set back.
      `UPDATE app.seal_cursor SET pushed_at = now()
        WHERE pushed_at <= now() - interval '1 minute' OR pushed_at > now()`,
    );
    return rowCount === 0 ? 0 : this.#push.push(untilMs);
  }

  async #refreshKeys(): Promise<void> {
    if (isYounger(this.#keysReadAtMs, KEYS_REMEMBERED_MS)) return;
    this.#keysReadAtMs = Date.now();
    const keys = checkpointKeysOf(await this.#runtime.secrets.readObject(this.#arn));
    if (namesOf(keys) !== namesOf(this.#keys)) await publishCheckpointKeys(this.#sealing, keys);
    this.#keys = keys;
  }

  /** Puts error metrics only when there are errors, since a metric costs when it has values. */
  async #measure(outcome: SealOutcome['outcome'], isCaughtUp: boolean, sealed: number): Promise<void> {
    const { rows } = await this.#sealing.pool.query(
      `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin,
              pg_snapshot_xmax(pg_current_snapshot())::text AS xmax,
              (SELECT count(*)::int FROM app.log_head WHERE stopped_at IS NOT NULL) AS stopped`,
    );
    const [{ xmin, xmax, stopped }] = rows;
    const measured: [string, boolean][] = [
      ['SealingCaughtUp', isCaughtUp],
      ['SealingStopped', outcome === 'restore_needed' || stopped > 0],
      ['FeedHeldBack', this.#feed.isHeldBack(BigInt(xmin), BigInt(xmax))],
    ];
    const metrics = measured
      .filter(([, holds]) => holds)
      .map(([name]) => ({ name, unit: 'Count', value: 1 }) as const);
    if (metrics.length > 0)
      this.#metrics.put({ dimensions: {}, metrics, properties: { outcome, sealed, stopped } });
  }
}

function namesOf({ current, along }: CheckpointKeys): string {
  return [current, ...along].map(({ publicKeyHex }) => publicKeyHex).join();
}
