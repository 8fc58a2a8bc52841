import { SYSTEM } from '../../base/identity';
import type { SignedSpan } from '../../base/span';
import { hexPattern } from '../../crypto';
import { isTimestamp } from '../../json/timestamp';
import { verifySpan } from '../span-signature';

/** The `entity_type` of the public spans of the system that say which keys were the instance's. */
export const INSTANCE_KEY = 'instance_key';

/** What became of an instance key. What a retired key signed stays good; a revoked one is in doubt. */
export type InstanceKeyStatus = 'active' | 'retired' | 'revoked';

/** One key of the instance, as the ledger tells it. */
export interface InstanceKey {
  readonly publicKeyHex: string;
  readonly status: InstanceKeyStatus;
  /** The key that signed the introduction; undefined for the first key, which signed its own. */
  readonly introducedBy: string | undefined;
  /**
   * It begins a history of its own by the operator's word, since the key before was lost: nothing but that word links
   * what it signed to what was signed before.
   */
  readonly adopted: boolean;
  /** RFC 3339, like all moments here. */
  readonly introducedAt: string;
  readonly retiredAt: string | undefined;
  /** From this moment on, what the key signed is in doubt. */
  readonly revokedFrom: string | undefined;
  readonly reason: string | undefined;
}

/** From when to when a key was the instance's, as `GET /api/keys` tells it. */
export function validityOf({ status, introducedAt, retiredAt, revokedFrom }: InstanceKey): {
  readonly since: string;
  readonly until: string | null;
  readonly revoked: boolean;
} {
  return { since: introducedAt, until: revokedFrom ?? retiredAt ?? null, revoked: status === 'revoked' };
}

/** Which keys were the instance's. */
export interface KeyHistory {
  /** Public key (hex) → key, each after the one that introduced it. */
  readonly keys: ReadonlyMap<string, InstanceKey>;
  /** Why the history as it stands cannot be believed whole; a sentence each. */
  readonly faults: readonly string[];
}

export const NO_HISTORY: KeyHistory = { keys: new Map(), faults: [] };

const KEY = hexPattern(32);

/** Whether a span claims to be part of the key history. Anybody may publish such a span; only the system's count. */
export function isInstanceKeySpan(span: unknown): boolean {
  return (
    textOf(span, 'entity_type') === INSTANCE_KEY &&
    textOf(span, 'tenant_id') === SYSTEM.tenant &&
    textOf(span, 'owner_id') === SYSTEM.user
  );
}

/**
 * Reads the key history out of spans, in any order, by their content alone. Each key is introduced by a span
 * that the key before signed, so that whoever trusts one key can tell all that came after it; the first key
 * signed its own introduction, and so did one that an operator adopted. A key introduces at most one other. Later versions of a key's entity, signed by
 * any key of the history, retire or revoke it.
 *
 * Spans of others, and spans that do not verify, are passed over: the check of each span reports those.
 */
export function keyHistoryOf(spans: Iterable<SignedSpan>): KeyHistory {
  const faults: string[] = [];
  const entities = entitiesOf(spans, faults);
  const introducedBy = (publicKeyHex: string | undefined): string[] =>
    [...entities].filter(([, [first]]) => introducerOf(first) === publicKeyHex).map(([name]) => name);
  const accepted = introducedBy(undefined);
  for (const beginning of accepted.slice(1)) {
    if (isAdopted(entities.get(beginning)?.[0])) continue;
    faults.push(`key ${beginning} begins a history of its own: no earlier key introduced it`);
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

/** Public key → versions of its entity that verify and follow each other; in the order of introduction. */
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

/** Who signed the introduction; undefined when the key did so itself. */
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

/** Nothing takes a revocation back, and of several the earliest moment counts. */
function changed(key: InstanceKey, version: SignedSpan): InstanceKey {
  if (version.status === 'revoked') {
    const said = textOf(version.metadata, 'revoked_from');
    const from = isTimestamp(said) ? said : version.at;
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

/**
 * The keys that belong together with one of `anchors`: those that it introduced, directly or not, and those that
 * led to it. Anchors that the history does not know stand for themselves.
 */
export function keysAround(history: KeyHistory, anchors: ReadonlySet<string>): ReadonlySet<string> {
  const beginning = (publicKeyHex: string): string => {
    let key = history.keys.get(publicKeyHex);
    while (key?.introducedBy !== undefined) key = history.keys.get(key.introducedBy);
    return key?.publicKeyHex ?? publicKeyHex;
  };
  const beginnings = new Set([...anchors].map(beginning));
  const related = [...history.keys.keys()].filter((publicKeyHex) => beginnings.has(beginning(publicKeyHex)));
  return new Set([...anchors, ...related]);
}

function textOf(holder: unknown, name: string): string | undefined {
  if (typeof holder !== 'object' || holder === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(holder, name)?.value;
  return typeof value === 'string' ? value : undefined;
}
