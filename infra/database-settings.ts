import { connectionsOf, FACTS_AS_OF, GIB_PER_ACU, memoryGib, offersClass } from './aws-facts';
import type { SettingsReader } from './settings-reader';

/** Capacity range of Aurora Serverless v2, in ACUs of 2 GiB of memory. */
export interface ServerlessSettings {
  /** Smallest capacity in ACUs, 0.5–256 in steps of 0.5. Required. */
  readonly minAcu: number;
  /** Largest capacity in ACUs, 1–256 in steps of 0.5, at least `minAcu`. Required. */
  readonly maxAcu: number;
}

/** `logline:database`: engine, class, storage and backups. */
export interface DatabaseSettings {
  /** `rds` (default): one PostgreSQL server, with a standby by `multiAz`. `aurora`: a cluster with readers. */
  readonly engine: 'rds' | 'aurora';
  /** Graviton class. Defaults to `db.t4g.micro`, with Aurora to `db.t4g.medium`; `db.serverless` with `serverless`. */
  readonly instanceClass: string;
  /** Aurora only: a capacity range in place of a class. Defaults to none. */
  readonly serverless: ServerlessSettings | undefined;
  /** Aurora only: number of readers, 0–15; one becomes the writer on failover. Defaults to 0. */
  readonly readers: number;
  /** Aurora only: I/O-Optimized storage, which costs more per instance and GB and nothing per I/O. Defaults to false. */
  readonly ioOptimized: boolean;
  /** RDS only: initial storage in GiB, 20–16,384. Defaults to 20. */
  readonly storageGb: number;
  /** RDS only: limit of storage autoscaling in GiB. Defaults to five times `storageGb`, at most 65,536. */
  readonly maxStorageGb: number;
  /** RDS only: a standby in another zone; Aurora fails over to a reader instead. Defaults to false. */
  readonly multiAz: boolean;
  /** RDS refuses to delete the database. Defaults to the stack's `protect`. */
  readonly deletionProtection: boolean;
  /** Days that automated backups are kept, 1–35. Defaults to 7. */
  readonly backupDays: number;
  /** RDS takes a snapshot before the database is deleted. Defaults to the stack's `protect`. */
  readonly finalSnapshot: boolean;
  /** Performance Insights, with the 7 days of history that are free. Defaults to true. */
  readonly performanceInsights: boolean;
  /** Name of the database on the server. Defaults to `logline`. */
  readonly name: string;
  /** `max_connections` of the server, computed from the memory of its class; not a setting. */
  readonly maxConnections: number;
}

/** Largest storage of RDS for PostgreSQL on gp3, in GiB (RDS user guide, "Amazon RDS DB instance storage"). */
const LARGEST_STORAGE_GB = 65_536;

/**
 * Key words that PostgreSQL 17 reserves, which RDS refuses as the name of a database (RDS API, `CreateDBInstance`,
 * `DBName`); a test compares them with the server's.
 */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(
  `all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create current_catalog
  current_date current_role current_time current_timestamp current_user default deferrable desc distinct do else end except
  false fetch for foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp
  not null offset on only or order placing primary references returning select session_user some symmetric system_user table
  then to trailing true union unique user using variadic when where window with authorization binary collation concurrently
  cross current_schema freeze full ilike inner is isnull join left like natural notnull outer overlaps right similar
  tablesample verbose`.split(/\s+/),
);

/** Settings that only one of the engines has. */
const RDS_ONLY = ['storageGb', 'maxStorageGb', 'multiAz'] as const;
const AURORA_ONLY = ['serverless', 'readers', 'ioOptimized'] as const;

/** Reads the group `database` and refuses combinations that the engine does not have. */
export function readDatabase(root: SettingsReader, protect: boolean): DatabaseSettings {
  const reader = root.object('database', [
    'engine',
    'instanceClass',
    ...AURORA_ONLY,
    ...RDS_ONLY,
    'deletionProtection',
    'backupDays',
    'finalSnapshot',
    'performanceInsights',
    'name',
  ]);
  const engine = reader.oneOf('engine', ['rds', 'aurora'], 'rds');
  for (const key of (engine === 'rds' ? AURORA_ONLY : RDS_ONLY).filter((name) => reader.has(name))) {
    reader.fault(
      key,
      engine === 'rds'
        ? 'needs engine aurora; remove it or set engine to aurora'
        : 'has no meaning with engine aurora, whose storage grows by itself and whose readers take over; remove it',
    );
  }
  const deletionProtection = reader.boolean('deletionProtection', protect);
  const finalSnapshot = reader.boolean('finalSnapshot', protect);
  if (protect && !deletionProtection) {
    reader.fault('deletionProtection', 'must not be false while logline:protect is true');
  }
  if (protect && !finalSnapshot) {
    reader.fault('finalSnapshot', 'must not be false while logline:protect is true');
  }
  const serverless = engine === 'aurora' ? readServerless(reader) : undefined;
  const instanceClass = readInstanceClass(reader, engine, serverless !== undefined);
  return {
    engine,
    instanceClass,
    serverless,
    readers: engine === 'aurora' ? reader.integer('readers', { min: 0, max: 15, fallback: 0 }) : 0,
    ioOptimized: engine === 'aurora' && reader.boolean('ioOptimized', false),
    ...readStorage(reader, engine),
    multiAz: engine === 'rds' && reader.boolean('multiAz', false),
    deletionProtection,
    backupDays: reader.integer('backupDays', { min: 1, max: 35, fallback: 7 }),
    finalSnapshot,
    performanceInsights: reader.boolean('performanceInsights', true),
    name: readName(reader),
    maxConnections: maxConnectionsOf(instanceClass, serverless),
  };
}

function readName(reader: SettingsReader): string {
  const name = reader.text(
    'name',
    /^(?!(postgres|rdsadmin|template\d)$)[a-z][a-z0-9_]{0,62}$/,
    'a database name of lower-case letters, digits and _',
    'logline',
  );
  if (RESERVED_WORDS.has(name))
    reader.fault('name', `"${name}" is a key word of PostgreSQL; take another name`);
  return name;
}

function readInstanceClass(
  reader: SettingsReader,
  engine: DatabaseSettings['engine'],
  isServerless: boolean,
): string {
  if (isServerless) {
    if (reader.has('instanceClass'))
      reader.fault('instanceClass', 'has no meaning with serverless; remove one');
    return 'db.serverless';
  }
  const fallback = engine === 'aurora' ? 'db.t4g.medium' : 'db.t4g.micro';
  const instanceClass = reader.text(
    'instanceClass',
    /^db\.\w+\.\w+$/,
    'a Graviton class such as db.t4g.micro or db.m7g.large',
    fallback,
  );
  if (!offersClass(engine, instanceClass)) {
    reader.fault(
      'instanceClass',
      `expected a Graviton class that ${engine} offers, such as ${fallback} or db.r7g.large; got "${instanceClass}" (list of ${FACTS_AS_OF})`,
    );
  }
  return instanceClass;
}

function readServerless(reader: SettingsReader): ServerlessSettings | undefined {
  if (!reader.has('serverless')) return undefined;
  const inner = reader.object('serverless', ['minAcu', 'maxAcu']);
  const minAcu = inner.halves('minAcu', { min: 0.5, max: 256, fallback: 0.5 });
  const maxAcu = inner.halves('maxAcu', { min: 1, max: 256, fallback: Math.max(1, minAcu) });
  if (maxAcu < minAcu) inner.fault('maxAcu', `expected at least minAcu (${minAcu})`);
  return { minAcu, maxAcu };
}

function readStorage(
  reader: SettingsReader,
  engine: DatabaseSettings['engine'],
): Pick<DatabaseSettings, 'storageGb' | 'maxStorageGb'> {
  if (engine === 'aurora') return { storageGb: 0, maxStorageGb: 0 };
  const storageGb = reader.integer('storageGb', { min: 20, max: 16_384, fallback: 20 });
  const maxStorageGb = reader.integer('maxStorageGb', {
    min: 20,
    max: LARGEST_STORAGE_GB,
    fallback: Math.min(LARGEST_STORAGE_GB, storageGb * 5),
  });
  // RDS refuses a limit less than 10 % above the allocated storage.
  const leastCeiling = Math.ceil((storageGb * 11) / 10);
  if (maxStorageGb < leastCeiling) {
    reader.fault('maxStorageGb', `expected at least ${leastCeiling} (a tenth above storageGb)`);
  }
  return { storageGb, maxStorageGb };
}

/** Aurora caps `max_connections` at 2,000 for a cluster whose minimum is below one ACU. */
function maxConnectionsOf(instanceClass: string, serverless: ServerlessSettings | undefined): number {
  if (serverless === undefined) return connectionsOf(memoryGib(instanceClass));
  const connections = connectionsOf(serverless.maxAcu * GIB_PER_ACU);
  return serverless.minAcu < 1 ? Math.min(2_000, connections) : connections;
}
