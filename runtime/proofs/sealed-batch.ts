import { hex } from '../crypto';
import { sha256 } from '../crypto/sha256';
import { stableId } from '../ledger/stable-id';
import { type Checkpoint, originOf } from './checkpoint';
import { type CheckpointKeys, checkpointSpanSeed, linesAlong, signCheckpoint } from './checkpoint-keys';
import { Frontier } from './frontier';
import { GrowingLog, type NewTile, pendingRanges } from './growing-log';
import { leafHashOf } from './leaf';
import { LogNodes } from './log-nodes';
import { rootPath } from './merkle-path';
import { batchDigest, type GuardRecord } from './rollback-guard';
import type { BatchWrite, FeedRow, LogHead, SealStore } from './seal-store';

/** What a batch is made with. */
export interface BatchTools {
  readonly store: SealStore;
  readonly keys: CheckpointKeys;
  /** What origins begin with. */
  readonly instance: string;
  /** Also seals stopped logs, since a batch that was announced before they stopped must be committed as announced. */
  readonly ignoresStops: boolean;
}

/** One log of a batch, grown. */
interface Grown {
  readonly head: LogHead;
  readonly isNew: boolean;
  readonly isRenamed: boolean;
  readonly rows: readonly FeedRow[];
  readonly log: GrowingLog;
  readonly firstPosition: number;
}

/** The id of the span by which the midnight round keeps a checkpoint in the ledger. */
export function checkpointSpanId(origin: string, size: number, keys: CheckpointKeys): string {
  return stableId('checkpoint', checkpointSpanSeed(origin, size, keys));
}

/**
 * Hashes and signs a batch, without database access.
 * @param isAside whether the rows had been set aside, so that the cursor does not move
 */
export async function makeBatch(
  before: GuardRecord,
  rows: readonly FeedRow[],
  isAside: boolean,
  tools: BatchTools,
): Promise<BatchWrite> {
  const heads = await headsOf(rows, tools);
  const byTenant = Map.groupBy(rows, ({ tenant }) => tenant);
  const isSealed = (head: LogHead): boolean => tools.ignoresStops || !head.isStopped;
  const grown = await Promise.all(
    heads
      .filter(({ head }) => isSealed(head))
      .map((named) => grow(named, byTenant.get(named.head.tenant) ?? [], tools)),
  );
  const logs = grown.map(({ head, log }) => ({ head, root: log.frontier.root(), size: log.frontier.size }));
  const digest = hex(batchDigest(logs.map(({ head, size, root }) => ({ logNo: head.logNo, size, root }))));
  const last = rows.at(-1);
  const cursor = isAside || last === undefined ? before : { tx_id: last.txId, ordinal: last.ordinal };
  const after = { ...before, batch: before.batch + 1, tx_id: cursor.tx_id, ordinal: cursor.ordinal, digest };
  return {
    before,
    after,
    ...partsOf(grown, tools.keys),
    ...asideOf(heads, byTenant, isSealed, isAside, grown),
  };
}

/**
 * The logs of the rows' tenants under their current names; new logs get the next numbers, in the order of the feed.
 */
async function headsOf(
  rows: readonly FeedRow[],
  { store, instance }: BatchTools,
): Promise<readonly Pick<Grown, 'head' | 'isNew' | 'isRenamed'>[]> {
  const tenants = [...new Set(rows.map(({ tenant }) => tenant))];
  const known = new Map((await store.heads(tenants)).map((head) => [head.tenant, head]));
  let lastLogNo = known.size === tenants.length ? 0 : await store.lastLogNo();
  return tenants.map((tenant) => {
    const head = known.get(tenant);
    const origin = originOf(instance, tenant);
    if (head !== undefined)
      return { head: { ...head, origin }, isNew: false, isRenamed: head.origin !== origin };
    lastLogNo += 1;
    return {
      isNew: true,
      isRenamed: false,
      head: { logNo: lastLogNo, tenant, origin, size: 0, frontier: [], checkpointSize: 0, isStopped: false },
    };
  });
}

async function grow(
  { head: lost, isNew, isRenamed }: Pick<Grown, 'head' | 'isNew' | 'isRenamed'>,
  rows: readonly FeedRow[],
  { store }: BatchTools,
): Promise<Grown> {
  const nodes = new LogNodes(store.query, lost.logNo);
  const head = lost.size === undefined ? await rebuiltHead(lost, store, nodes) : lost;
  const size = head.size ?? 0;
  const pending = await Promise.all(
    pendingRanges(size, size + rows.length).map(({ level, from, to }) =>
      from === to ? [] : nodes.tile(size, level, from / 256, 0, to - from),
    ),
  );
  const log = new GrowingLog(sha256, size, head.frontier, pending);
  for (const row of rows) log.add(leafHashOf(sha256, row));
  return { head, isNew, isRenamed, rows, log, firstPosition: size };
}

/** Recomputes a log's head, whose row is missing, from entries and tiles. */
async function rebuiltHead(head: LogHead, store: SealStore, nodes: LogNodes): Promise<LogHead> {
  const { size, checkpointSize } = await store.sizesOf(head.logNo);
  const frontier = await nodes.steps(
    size,
    rootPath(size).map((node) => [node]),
  );
  return { ...head, size, checkpointSize, frontier: new Frontier(sha256, size, frontier).hashes };
}

function partsOf(
  grown: readonly Grown[],
  keys: CheckpointKeys,
): Pick<BatchWrite, 'logs' | 'renamed' | 'entries' | 'tiles' | 'checkpoints' | 'lines' | 'heads'> {
  const signed = grown.filter((log) => !isQuiet(log, keys)).map((log) => signedCheckpoint(log, keys));
  const checkpointed = new Set(signed.map(({ logNo }) => logNo));
  return {
    logs: grown.filter(({ isNew }) => isNew).map(({ head }) => head),
    renamed: grown
      .filter(({ isRenamed }) => isRenamed)
      .map(({ head, firstPosition }) => ({
        logNo: head.logNo,
        fromSize: firstPosition,
        origin: head.origin,
      })),
    entries: grown.flatMap(({ head, rows, firstPosition }) =>
      rows.map((row, index) => ({ logNo: head.logNo, position: firstPosition + index, row })),
    ),
    tiles: grown.flatMap(({ head, log }) => log.tiles.map((tile) => storedTile(head.logNo, tile))),
    checkpoints: signed,
    lines: signed.flatMap(({ logNo, size, lines }) => lines.map((line) => ({ logNo, size, line }))),
    heads: grown.map(({ head, log }) => ({
      logNo: head.logNo,
      size: log.frontier.size,
      frontier: Buffer.concat(log.frontier.hashes),
      checkpointSize: checkpointed.has(head.logNo) ? log.frontier.size : head.checkpointSize,
    })),
  };
}

/**
 * Whether the only new span is the one that keeps the newest checkpoint. It gets no checkpoint of its own, which would
 * have to be kept by another span, and so on.
 */
function isQuiet({ head, isRenamed, rows }: Grown, keys: CheckpointKeys): boolean {
  const [only] = rows;
  if (isRenamed || only === undefined || rows.length > 1 || head.checkpointSize === 0) return false;
  return only.seq === 0 && only.id === checkpointSpanId(head.origin, head.checkpointSize, keys);
}

function signedCheckpoint({ head, log }: Grown, keys: CheckpointKeys) {
  const { size } = log.frontier;
  const root = log.frontier.root();
  const checkpoint: Checkpoint = { origin: head.origin, size, root };
  const { keyId, bytes } = signCheckpoint(checkpoint, keys.current);
  return {
    logNo: head.logNo,
    size,
    root,
    signature: Buffer.concat([keyId, bytes]),
    lines: linesAlong(checkpoint, keys),
  };
}

function storedTile(logNo: number, { level, index, root, hashes }: NewTile): BatchWrite['tiles'][number] {
  return { logNo, level, index, root, hashes: Buffer.concat(hashes) };
}

/** Sets rows of stopped logs aside, and removes sealed rows from those set aside. */
function asideOf(
  heads: readonly { readonly head: LogHead }[],
  byTenant: ReadonlyMap<string, readonly FeedRow[]>,
  isSealed: (head: LogHead) => boolean,
  isAside: boolean,
  grown: readonly Grown[],
): Pick<BatchWrite, 'aside' | 'taken'> {
  const stopped = heads.filter(({ head }) => !isSealed(head));
  return {
    aside: isAside
      ? []
      : stopped.flatMap(({ head }) =>
          (byTenant.get(head.tenant) ?? []).map((row) => ({ logNo: head.logNo, row })),
        ),
    taken: isAside ? grown.flatMap(({ head, rows }) => rows.map((row) => ({ logNo: head.logNo, row }))) : [],
  };
}
