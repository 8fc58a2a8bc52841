import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError } from '../base/errors';
import { SYSTEM } from '../base/identity';
import type { SignedSpan } from '../base/span';
import type { Database } from '../db/pool';
import { sqlFolder } from '../db/sql-folder';
import { canonicalText } from '../json/canonical-json';
import { parseIJson } from '../json/i-json';
import { payloadOf } from '../json/payload';
import type { KeyRing } from './keys/key-ring';
import type { SpanDraft } from './span-draft';
import { parseDrafts } from './span-input';
import { readVersions } from './span-reader';
import type { SpanWriter } from './span-writer';

/** Options of {@link seed}. */
export interface SeedOptions {
  readonly database: Database;
  readonly writer: SpanWriter;
  readonly keys: KeyRing;
  /** Defaults to `sql/seeds` of this program. */
  readonly folder?: string;
  readonly onProgress?: (line: string) => void;
}

/**
 * Appends the manifest, the kernels and the midnight ruler, public and owned by the system. Idempotent: adds a version
 * only where the seed has changed since it was last seeded, so that an operator's own version of the manifest stays, or
 * where the newest version was signed by a key that is no longer trusted.
 * @returns the names of the spans added
 * @throws ConfigurationError for a file that is no list of spans, or a seed without an id
 */
export async function seed(options: SeedOptions): Promise<readonly string[]> {
  const added: string[] = [];
  for (const draft of seedDrafts(options.folder ?? join(sqlFolder(), 'seeds'))) {
    const { spans } = await readVersions(options.database, SYSTEM, draft.id);
    const versions = [...spans].reverse();
    if (!isDue(draft, versions, options.keys)) continue;
    const newest = versions.at(-1);
    await options.writer.append(SYSTEM, [{ ...draft, seq: newest === undefined ? 0 : newest.seq + 1 }]);
    added.push(draft.name ?? draft.id);
    options.onProgress?.(`seeded ${draft.name ?? draft.id}`);
  }
  return added;
}

function seedDrafts(folder: string): (SpanDraft & { id: string })[] {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort();
  return files.flatMap((file) => {
    const values = parseIJson(readFileSync(join(folder, file)));
    if (!Array.isArray(values)) throw new ConfigurationError(`${file} must be a list of spans.`);
    return parseDrafts(values, true).map((draft) => {
      if (typeof draft.id !== 'string') throw new ConfigurationError(`${file} holds a seed without an id.`);
      return { ...draft, id: draft.id };
    });
  });
}

function isDue(draft: SpanDraft, versions: readonly SignedSpan[], keys: KeyRing): boolean {
  const newest = versions.at(-1);
  if (newest === undefined || !keys.trusted.has(newest.public_key)) return true;
  const seeded = versions.findLast((version) => version.did === 'seeded');
  return seeded === undefined || contentOf(seeded) !== contentOf(draft);
}

/** The canonical text of the members that a seed sets. */
function contentOf(span: SpanDraft): string {
  const {
    seq: _s,
    at: _a,
    owner_id: _o,
    tenant_id: _t,
    is_deleted: _d,
    prev_hash: _p,
    public_key: _k,
    ...content
  } = payloadOf(span);
  return canonicalText(content);
}
