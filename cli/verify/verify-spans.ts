import { createHash } from 'node:crypto';
import { type KeyLapse, keyLapse } from '../../client/src/verify';
import { LruCache } from '../../runtime/base/lru-cache';
import type { SignedSpan } from '../../runtime/base/span';
import { cryptoReady } from '../../runtime/crypto';
import { isInstanceKeySpan, type KeyHistory, validityOf } from '../../runtime/ledger/keys/key-history';
import {
  type SpanVerdict,
  type VerifySpanOptions,
  verifyHash,
  verifySpanAsync,
} from '../../runtime/ledger/span-signature';
import { member, textMember } from '../ledger-api';
import { ChainIndex } from './chain-index';
import type { Found } from './span-source';

/** A fault of one span. */
export interface VerifyFault {
  /** Location in the source; undefined for faults between versions. */
  readonly location: string | undefined;
  readonly id: string | undefined;
  readonly seq: number | undefined;
  /** Begins with what failed: unreadable, malformed, hash, signature, untrusted, revoked, keys, digest, gap, fork or chain. */
  readonly detail: string;
}

/** Result of {@link verifySpans}. */
export interface VerifyReport {
  readonly spans: number;
  readonly entities: number;
  readonly faults: number;
  /** Public key → number of valid spans that it signed; at most {@link MAX_KEYS} keys. */
  readonly keys: ReadonlyMap<string, number>;
  readonly hiddenVersions: number;
  readonly repeated: number;
  /** Revoked public key → number of valid spans that it signed after its revocation. They count as faults. */
  readonly revoked: ReadonlyMap<string, number>;
  /**
   * Instance key → number of valid spans that it signed with a timestamp before its introduction or after its retirement.
   * No faults, because clients choose `at`.
   */
  readonly untimely: ReadonlyMap<string, number>;
}

/** Options of {@link verifySpans}. */
export interface VerifyOptions {
  /** Public keys that may sign; any other is a fault. Defaults to any key. */
  readonly trustedKeys?: ReadonlySet<string>;
  /** History of the instance's keys. Defaults to an empty one, in which no key is revoked. */
  readonly history?: KeyHistory;
  /** Whether signatures and trust in keys are checked. Defaults to true. */
  readonly signatures?: boolean;
  /** Faults of the source that are known already. Defaults to none. */
  readonly faults?: readonly string[];
  /** Whether all versions of the span's entity must be listed. */
  readonly isComplete: (span: SignedSpan) => boolean;
  readonly onFault: (fault: VerifyFault) => void;
  /**
   * Further checks of a span; their faults are reported only if the span verifies. Defaults to none.
   */
  readonly moreFaults?: (span: SignedSpan) => readonly string[];
  /** Called from time to time with the number of spans done. */
  readonly onProgress?: (spans: number) => void;
}

/** Keys counted one by one; further ones are counted together, since every span may have another key. */
export const MAX_KEYS = 1000;
/** Name under which further keys are counted. */
export const OTHER_KEYS = 'other keys';
const PROGRESS_EVERY = 1000;
/** Signatures in progress at a time, on libuv's threads. */
const AT_A_TIME = 256;

/**
 * Verifies hash and signature of every span from its JSON alone, and that the versions of each entity form one chain.
 * Memory does not grow with the number of spans.
 */
export async function verifySpans(
  source: AsyncIterable<Found>,
  options: VerifyOptions,
): Promise<VerifyReport> {
  await cryptoReady();
  const chains = new ChainIndex();
  const keys = new Map<string, number>();
  const revoked = new Map<string, number>();
  const untimely = new Map<string, number>();
  let spans = 0;
  let faults = 0;
  const fault = (found: VerifyFault): void => {
    faults += 1;
    options.onFault(found);
  };
  try {
    const known = options.history?.faults.map((detail) => `keys: ${detail}`) ?? [];
    for (const detail of [...(options.faults ?? []), ...known]) {
      fault({ location: undefined, id: undefined, seq: undefined, detail });
    }
    for await (const { found, verdict, moreFaults } of judged(source, options)) {
      spans += 1;
      if (spans % PROGRESS_EVERY === 0) options.onProgress?.(spans);
      const judgement = await verdict;
      const good = check(found, judgement, fault);
      if (good === undefined) continue;
      if (judgement?.ok)
        for (const detail of moreFaults)
          fault({ location: found.location, id: good.id, seq: good.seq, detail });
      count(keys, good.public_key);
      const lapse = lapseOf(good, options.history);
      if (lapse === 'revoked') {
        count(revoked, good.public_key);
        const from = options.history?.keys.get(good.public_key)?.revokedFrom;
        const detail = `revoked: signed by a revoked key, ${good.public_key}, revoked from ${from}`;
        fault({ location: found.location, id: good.id, seq: good.seq, detail });
      } else if (lapse !== undefined) count(untimely, good.public_key);
      chains.add(linkOf(good, options.isComplete(good)));
    }
    const chainReport = chains.check(({ id, seq, detail }) =>
      fault({ location: undefined, id, seq, detail }),
    );
    return {
      spans,
      entities: chainReport.entities,
      faults,
      keys,
      hiddenVersions: chainReport.hidden,
      repeated: chainReport.repeated,
      revoked,
      untimely,
    };
  } finally {
    chains.close();
  }
}

/** A span without its content, and its pending verdict. */
interface Judged {
  readonly found: Found;
  /** Undefined when the input is no span. */
  readonly verdict: SpanVerdict | undefined | Promise<SpanVerdict | undefined>;
  /** Faults of `moreFaults`, computed before the content is dropped. */
  readonly moreFaults: readonly string[];
}

/** Yields spans in source order, while signatures of later ones are checked on other threads. */
async function* judged(
  source: AsyncIterable<Found>,
  { trustedKeys, signatures = true, moreFaults = () => [] }: VerifyOptions,
): AsyncGenerator<Judged> {
  const options = trustedKeys === undefined ? {} : { trustedKeys };
  const underWay: Judged[] = [];
  for await (const found of source) {
    const more = 'span' in found ? moreFaults(found.span as SignedSpan) : [];
    if (!signatures) {
      yield { found, verdict: hashVerdictOf(found), moreFaults: more };
      continue;
    }
    underWay.push({
      found: withoutContent(found),
      verdict: verdictOf(found, options),
      moreFaults: more,
    });
    if (underWay.length >= 2 * AT_A_TIME) yield* underWay.splice(0, AT_A_TIME);
  }
  yield* underWay;
}

/** Members needed for the checks of chain, owner and key. */
const KEPT = [
  'id',
  'seq',
  'at',
  'entity_type',
  'owner_id',
  'tenant_id',
  'prev_hash',
  'curr_hash',
  'public_key',
] as const;

/** Drops the content, up to 1 MiB a span, while the signature is being checked. */
function withoutContent(found: Found): Found {
  if ('unreadable' in found) return found;
  const { location, span } = found;
  return { location, span: Object.fromEntries(KEPT.map((name) => [name, member(span, name)])) };
}

async function verdictOf(found: Found, options: VerifySpanOptions): Promise<SpanVerdict | undefined> {
  // verifySpanAsync accepts any value and reports whether it is a span.
  return 'unreadable' in found ? undefined : verifySpanAsync(found.span as SignedSpan, options);
}

function hashVerdictOf(found: Found): SpanVerdict | undefined {
  return 'unreadable' in found ? undefined : verifyHash(found.span as SignedSpan);
}

/**
 * Reports the faults of one span; returns it when its chain can be checked. A span with a wrong hash stays in its chain,
 * else its version would also be reported as missing.
 */
function check(
  found: Found,
  verdict: SpanVerdict | undefined,
  fault: (fault: VerifyFault) => void,
): SignedSpan | undefined {
  const { location } = found;
  if ('unreadable' in found) {
    fault({ location, id: undefined, seq: undefined, detail: `unreadable: ${found.unreadable}` });
    return undefined;
  }
  const seq = member(found.span, 'seq');
  const at = { location, id: textMember(found.span, 'id'), seq: typeof seq === 'number' ? seq : undefined };
  const span = found.span as SignedSpan;
  if (verdict !== undefined && !verdict.ok) {
    fault({ ...at, detail: `${verdict.fault}: ${verdict.detail}` });
    if (verdict.fault === 'malformed') return undefined;
  }
  const hasBefore = typeof span.prev_hash === 'string';
  if (hasBefore !== span.seq > 0) {
    fault({ ...at, detail: hasBefore ? 'chain: version 0 has a prev_hash' : 'chain: prev_hash is missing' });
  }
  return span;
}

/**
 * How the span's key lapsed at its timestamp. Key-history spans are exempt: a compromised key signs the introduction of
 * its successor.
 */
function lapseOf(span: SignedSpan, history: KeyHistory | undefined): KeyLapse | undefined {
  const key = history?.keys.get(span.public_key);
  return key === undefined || isInstanceKeySpan(span) ? undefined : keyLapse(span.at, validityOf(key));
}

function count(keys: Map<string, number>, key: string): void {
  const name = keys.has(key) || keys.size < MAX_KEYS ? key : OTHER_KEYS;
  keys.set(name, (keys.get(name) ?? 0) + 1);
}

function linkOf(span: SignedSpan, isComplete: boolean) {
  return {
    id: span.id.replaceAll('-', ''),
    seq: span.seq,
    prevHash: span.prev_hash ?? undefined,
    currHash: span.curr_hash,
    owner: ownerOf(span),
    isComplete,
  };
}

/** Cache of owner hashes: without it they take a tenth of the time. */
const owners = new LruCache<string>(1_000);

function ownerOf({ tenant_id, owner_id }: SignedSpan): string {
  const name = JSON.stringify([tenant_id, owner_id]);
  let owner = owners.get(name);
  if (owner === undefined) {
    owner = createHash('sha256').update(name).digest('hex').slice(0, 16);
    owners.set(name, owner);
  }
  return owner;
}
