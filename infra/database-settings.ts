import { connectionsOf, FACTS_AS_OF, GIB_PER_ACU, memoryGib, offersClass } from './aws-facts';
import type { SettingsReader } from './settings-reader';

/** Capacity of an Aurora database that grows and shrinks by itself, in units of 2 GiB of memory. */
export interface ServerlessSettings {
  /** 0.5–256 in steps of 0.5. */
  readonly minAcu: number;
  /** 1–256 in steps of 0.5, not below `minAcu`. */
  readonly maxAcu: number;
}

/** `logline:database` */
export interface DatabaseSettings {
  /** `rds` (default): one PostgreSQL server, and a standby by setting. `aurora`: a cluster with readers. */
  readonly engine: 'rds' | 'aurora';
  /** Graviton class. Defaults to `db.t4g.micro`, with Aurora to `db.t4g.medium`; `db.serverless` with `serverless`. */
  readonly instanceClass: string;
  /** Aurora only, instead of a class. Defaults to none. */
  readonly serverless: ServerlessSettings | undefined;
  /** Aurora only: readers beside the writer, 0–15; one of them takes over when the writer fails. Defaults to 0. */
  readonly readers: number;
  /** Aurora only: a higher price of instances and storage, and none of I/O. Defaults to false. */
  readonly ioOptimized: boolean;
  /** Storage at first, 20–16,384 GiB; Aurora's grows by itself. Defaults to 20. */
  readonly storageGb: number;
  /** Storage grows by itself up to this. Defaults to five times `storageGb`. */
  readonly maxStorageGb: number;
  /** A standby in another zone; of Aurora, readers are. Defaults to false. */
  readonly multiAz: boolean;
  /** Defaults to the stack's `protect`. */
  readonly deletionProtection: boolean;
  /** Days that automated backups are kept, 1–35. Defaults to 7. */
  readonly backupDays: number;
  /** Keep a snapshot when the stack is destroyed. Defaults to the stack's `protect`. */
  readonly finalSnapshot: boolean;
  /** Performance Insights with the free 7 days of history. Defaults to true. */
  readonly performanceInsights: boolean;
  /** Defaults to `logline`. */
  readonly name: string;
  /** Connections that the server takes: what its memory allows. Not a setting. */
  readonly maxConnections: number;
}

/** Settings that only one of the engines has. */
const RDS_ONLY = ['storageGb', 'maxStorageGb', 'multiAz'] as const;
const AURORA_ONLY = ['serverless', 'readers', 'ioOptimized'] as const;

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
    name: reader.text(
      'name',
      /^(?!(postgres|rdsadmin|template\d)$)[a-z][a-z0-9_]{0,62}$/,
      'a database name of lower-case letters, digits and _',
      'logline',
    ),
    maxConnections: maxConnectionsOf(instanceClass, serverless),
  };
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
  const maxStorageGb = reader.integer('maxStorageGb', { min: 20, max: 65_536, fallback: storageGb * 5 });
  // RDS wants the ceiling at least a tenth above what is there, else it refuses the change.
  const leastCeiling = Math.ceil((storageGb * 11) / 10);
  if (maxStorageGb < leastCeiling) {
    reader.fault('maxStorageGb', `expected at least ${leastCeiling} (a tenth above storageGb)`);
  }
  return { storageGb, maxStorageGb };
}

/** Aurora holds a cluster that may shrink below one unit to 2,000 connections. */
function maxConnectionsOf(instanceClass: string, serverless: ServerlessSettings | undefined): number {
  if (serverless === undefined) return connectionsOf(memoryGib(instanceClass));
  const connections = connectionsOf(serverless.maxAcu * GIB_PER_ACU);
  return serverless.minAcu < 1 ? Math.min(2_000, connections) : connections;
}
