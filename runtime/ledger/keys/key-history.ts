import { SYSTEM } from '../../base/identity';
import type { SignedSpan } from '../../base/span';
import { hexPattern } from '../../crypto';
import { isTimestamp } from '../../json/timestamp';
import { verifySpan } from '../span-signature';

/** The `entity_type` of the system's public spans that record the instance's keys. */
export const INSTANCE_KEY = 'instance_key';

/** Status of an instance key. Signatures of a retired key stay valid; those of a revoked one are in doubt. */
export type InstanceKeyStatus = 'active' | 'retired' | 'revoked';

/** One key of the instance, as recorded in the ledger. */
export interface InstanceKey {
  readonly publicKeyHex: string;
  readonly status: InstanceKeyStatus;
  /** The key that signed the introduction; undefined for the first key, which signed its own. */
  readonly introducedBy: string | undefined;
  /**
   * The operator adopted it because the previous key was lost: it starts a history of its own, and no signature links
   * its spans to earlier ones.
   */
  readonly adopted: boolean;
  /** RFC 3339, like all timestamps here. */
  readonly introducedAt: string;
  readonly retiredAt: string | undefined;
  /** Signatures made from this time on are in doubt. */
  readonly revokedFrom: string | undefined;
  readonly reason: string | undefined;
}

/** The period in which a key was the instance's, as `GET /api/keys` returns it. */
export function validityOf({ status, introducedAt, retiredAt, revokedFrom }: InstanceKey): {
  readonly since: string;
  readonly until: string | null;
  readonly revoked: boolean;
} {
  return { since: introducedAt, until: revokedFrom ?? retiredAt ?? null, revoked: status === 'revoked' };
}

/** The instance's keys, past and present. */
export interface KeyHistory {
  /** By public key (hex), each after the one that introduced it. */
  readonly keys: ReadonlyMap<string, InstanceKey>;
  /** Inconsistencies found in the history, a sentence each. */
  readonly faults: readonly string[];
}

/** The history of a ledger without key spans. */
export const NO_HISTORY: KeyHistory = { keys: new Map(), faults: [] };

const KEY = hexPattern(32);

/** Whether a span belongs to the key history: other tenants may append spans of this type, only the system's count. */
export function isInstanceKeySpan(span: unknown): boolean {
  return (
    textOf(span, 'entity_type') === INSTANCE_KEY &&
    textOf(span, 'tenant_id') === SYSTEM.tenant &&
    textOf(span, 'owner_id') === SYSTEM.user
  );
}

/**
 * Builds the key history from spans in any order. Each key is introduced by a span signed by the previous key, so that
 * trust in one key extends to all later ones; the first key, and a key that an operator adopted, signed its own
 * introduction. A key introduces at most one other. Later versions of a key's entity, signed by any key of the history,
 * retire or revoke it.
 *
 * Ignores spans of others and spans that do not verify, which verification reports by itself.
 */
export function keyHistoryOf(spans: Iterable<SignedSpan>): KeyHistory {
  const faults: string[] = [];
  const entities = entitiesOf(spans, faults);
  const introducedBy = (publicKeyHex: string | undefined): string[] =>
    [...entities].filter(([, [first]]) => introducerOf(first) === publicKeyHex).map(([name]) => name);
  const accepted = introducedBy(undefined);
  for (const root of accepted.slice(1)) {
    if (isAdopted(entities.get(root)?.[0])) continue;
    faults.push(`key ${root} begins a history of its own: no earlier key introduced it`);
  }
  const refused = new Set<string>();
  for (const publicKeyHex of accepted) {
    const [successor, ...others] = introducedBy(publicKeyHex);
    if (successor !== undefined) accepted.push(successor);
    for (const other of others) {
      refused.add(other);
      faults.push(
        `key ${other} is not the only one that ${publicKeyHex} introduced; ${successor} came first`,
      );
    }
  }
  const known = new Set(accepted);
  for (const [publicKeyHex, [first]] of entities) {
    if (known.has(publicKeyHex) || refused.has(publicKeyHex)) continue;
    faults.push(
      `key ${publicKeyHex} was introduced by ${introducerOf(first)}, which is no key of the history`,
    );
  }
  const keys = accepted.map((publicKeyHex) => keyOf(entities.get(publicKeyHex) ?? [], known, faults));
  return {
    keys: new Map(keys.flatMap((key) => (key === undefined ? [] : [[key.publicKeyHex, key]]))),
    faults,
  };
}

/** By public key, the versions of its entity that verify and form a chain; in the order of introduction. */
function entitiesOf(
  spans: Iterable<SignedSpan>,
  faults: string[],
): ReadonlyMap<string, readonly SignedSpan[]> {
  const claims = new Map<string, SignedSpan[]>();
  for (const span of spans) {
    if (!isInstanceKeySpan(span) || !KEY.test(span.this) || !verifySpan(span).ok) continue;
    const versions = claims.get(span.this) ?? [];
    if (versions.length === 0) claims.set(span.this, versions);
    if (!versions.some(({ curr_hash }) => curr_hash === span.curr_hash)) versions.push(span);
  }
  const entities = [...claims].map(([publicKeyHex, versions]): [string, SignedSpan[]] => {
    versions.sort((one, other) => one.seq - other.seq);
    const broken = versions.findIndex(({ seq, prev_hash }, index) => {
      return seq !== index || (index > 0 && prev_hash !== versions[index - 1]?.curr_hash);
    });
    if (broken === -1) return [publicKeyHex, versions];
    faults.push(`key ${publicKeyHex}: version ${versions[broken]?.seq} does not follow the one before`);
    return [publicKeyHex, versions.slice(0, broken)];
  });
  return new Map(
    entities
      .filter(([, versions]) => versions.length > 0)
      .sort(([, [one]], [, [other]]) => (one?.at ?? '').localeCompare(other?.at ?? '')),
  );
}

function isAdopted(introduction: SignedSpan | undefined): boolean {
  const { metadata } = introduction ?? {};
  return (
    typeof metadata === 'object' && metadata !== null && 'adopted' in metadata && metadata.adopted === true
  );
}

/** The key that signed the introduction; undefined when the introduced key signed it itself. */
function introducerOf(introduction: SignedSpan | undefined): string | undefined {
  return introduction?.public_key === introduction?.this ? undefined : introduction?.public_key;
}

function keyOf(
  [introduction, ...later]: readonly SignedSpan[],
  known: ReadonlySet<string>,
  faults: string[],
): InstanceKey | undefined {
  if (introduction === undefined) return undefined;
  let key: InstanceKey = {
    publicKeyHex: introduction.this,
    status: 'active',
    introducedBy: introducerOf(introduction),
    adopted: isAdopted(introduction),
    introducedAt: introduction.at,
    retiredAt: undefined,
    revokedFrom: undefined,
    reason: undefined,
  };
  for (const version of later) {
    if (known.has(version.public_key)) key = changed(key, version);
    else faults.push(`key ${introduction.this}: version ${version.seq} is signed by no key of the history`);
  }
  return key;
}

/** The key after one more version. A revocation is final; of several, the earliest `revoked_from` counts. */
function changed(key: InstanceKey, version: SignedSpan): InstanceKey {
  if (version.status === 'revoked') {
    const given = textOf(version.metadata, 'revoked_from');
    const from = isTimestamp(given) ? given : version.at;
    return {
      ...key,
      status: 'revoked',
      revokedFrom: key.revokedFrom !== undefined && key.revokedFrom < from ? key.revokedFrom : from,
      reason: textOf(version.metadata, 'reason') ?? key.reason,
    };
  }
  if (version.status === 'retired' && key.status === 'active')
    return { ...key, status: 'retired', retiredAt: version.at };
  return key;
}

/** The anchors, and all keys of the history that share the first key of their chain with one of them. */
export function keysAround(history: KeyHistory, anchors: ReadonlySet<string>): ReadonlySet<string> {
  const rootOf = (publicKeyHex: string): string => {
    let key = history.keys.get(publicKeyHex);
    while (key?.introducedBy !== undefined) key = history.keys.get(key.introducedBy);
    return key?.publicKeyHex ?? publicKeyHex;
  };
  const roots = new Set([...anchors].map(rootOf));
  const related = [...history.keys.keys()].filter((publicKeyHex) => roots.has(rootOf(publicKeyHex)));
  return new Set([...anchors, ...related]);
}

function textOf(holder: unknown, name: string): string | undefined {
  if (typeof holder !== 'object' || holder === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(holder, name)?.value;
  return typeof value === 'string' ? value : undefined;
}
