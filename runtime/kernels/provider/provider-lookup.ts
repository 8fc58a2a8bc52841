import type { JsonValue, SignedSpan } from '../../base/span';
import type { KernelContext } from '../kernel-context';
import { Refusal } from './provider';

const SYSTEM = 'system';
/** Most providers of one name that are considered. */
const MAX_CANDIDATES = 50;
const NOT_FOUND = 'There is no such provider for you.';
const OUT_OF_USE: ReadonlySet<string> = new Set(['disabled', 'paused', 'inactive']);

/**
 * The provider span of an id or a name. Names are looked up among the caller's own spans first, then the tenant's, then
 * the system's.
 * @throws Refusal `not_found`; `forbidden` for another tenant's or one that is out of use; `boot_refused` when it does
 *   not verify; `malformed` when it is no provider or the name is not unique
 */
export async function findProvider(
  ctx: KernelContext,
  wanted: { readonly id: string } | { readonly name: string },
): Promise<SignedSpan> {
  const span = 'id' in wanted ? await newestOf(ctx, wanted.id) : await findByName(ctx, wanted.name);
  if (span === null || span.is_deleted) throw new Refusal('not_found', NOT_FOUND);
  if (span.entity_type !== 'provider') {
    throw new Refusal('malformed', `A ${span.entity_type} cannot be called; only a provider can.`);
  }
  if (span.tenant_id !== ctx.identity.tenant && !isSystem(span)) {
    throw new Refusal('forbidden', 'This provider belongs to another tenant; append your own copy of it.');
  }
  if (OUT_OF_USE.has(span.status ?? '')) throw new Refusal('forbidden', `The provider is ${span.status}.`);
  // A span is JSON by definition; its type says so member by member.
  const verdict = await ctx.verifySpan({ ...span } as unknown as JsonValue);
  if (!verdict.ok) throw new Refusal('boot_refused', `The provider does not verify: ${verdict.detail}.`);
  return span;
}

/**
 * The newest version, if the caller may read it. Row-level security alone would return an older, visible version, but a
 * provider that was made private must not be called any more.
 */
async function newestOf(ctx: KernelContext, id: string): Promise<SignedSpan | null> {
  const readable = await ctx.readSpan(id);
  if (readable === null) return null;
  const { owner_id: user, tenant_id: tenant } = readable;
  if (user === ctx.identity.user && tenant === ctx.identity.tenant) return readable;
  const newest = await ctx.as({ user, tenant }).readSpan(id);
  return newest?.seq === readable.seq ? readable : null;
}

interface Candidate {
  readonly id: string;
  /** 0: one's own. 1: the tenant's. 2: the system's. */
  readonly rank: number;
}

async function findByName(ctx: KernelContext, name: string): Promise<SignedSpan | null> {
  const { user, tenant } = ctx.identity;
  const { rows } = await ctx.sql<Candidate>`
    SELECT DISTINCT id, CASE WHEN tenant_id <> ${tenant}::text THEN 2 WHEN owner_id = ${user}::text THEN 0 ELSE 1 END AS rank
    FROM ledger.visible_timeline
    WHERE entity_type = 'provider' AND name = ${name}::text
      AND (tenant_id = ${tenant}::text OR (tenant_id = ${SYSTEM}::text AND owner_id = ${SYSTEM}::text))
    ORDER BY rank, id LIMIT ${MAX_CANDIDATES}::int`;
  for (const rank of [0, 1, 2]) {
    const found: SignedSpan[] = [];
    for (const { id } of rows.filter((row) => row.rank === rank)) {
      const span = await newestOf(ctx, id);
      // An older version may have had this name.
      if (span !== null && !span.is_deleted && span.name === name) found.push(span);
    }
    if (found.length > 1) {
      const ids = found.map(({ id }) => id).join(', ');
      throw new Refusal(
        'malformed',
        `Several providers are called ${name}; say which by provider_id: ${ids}.`,
      );
    }
    if (found[0] !== undefined) return found[0];
  }
  return null;
}

function isSystem({ tenant_id: tenant, owner_id: owner }: SignedSpan): boolean {
  return tenant === SYSTEM && owner === SYSTEM;
}
