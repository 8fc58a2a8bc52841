import { isYounger } from '../base/age';
import { BootRefusedError } from '../base/errors';
import { NOBODY, SYSTEM } from '../base/identity';
import type { SignedSpan } from '../base/span';
import { blake3OfText, hex } from '../crypto';
import type { Database } from '../db/pool';
import { KERNEL_IDS, KERNEL_MANIFEST_ID, type KernelName } from '../kernels/stable-ids';
import type { KeyRing } from '../ledger/keys/key-ring';
import { type ManifestSettings, parseManifest } from '../ledger/manifest';
import { readLatest } from '../ledger/span-reader';
import { verifySpan } from '../ledger/span-signature';
import { KERNEL_HASHES } from './kernel-hashes.generated';

/** A change of the manifest, or of a kernel's span, takes effect within this time. */
const REMEMBER_MS = 1_000;

/**
 * Decides what may boot: only functions that the manifest lists, whose span is the system's and verifies under a trusted
 * key. The code of the five kernels must also be the text that this program was built from, so that what runs natively
 * and the ledger's copy cannot differ.
 */
export class BootGuard {
  readonly #database: Database;
  readonly #keys: () => KeyRing;
  #manifest: { readonly settings: Promise<ManifestSettings>; readonly atMs: number } | undefined;
  // Reading, hashing and verifying its source text would cost every run of a function more than the run.
  readonly #kernels = new Map<KernelName, { readonly span: SignedSpan; readonly atMs: number }>();

  constructor(database: Database, keys: () => KeyRing) {
    this.#database = database;
    this.#keys = keys;
  }

  /** @throws BootRefusedError when the manifest is missing or does not verify. */
  manifest(): Promise<ManifestSettings> {
    if (this.#manifest === undefined || !isYounger(this.#manifest.atMs, REMEMBER_MS)) {
      const settings = this.#readManifest();
      this.#manifest = { settings, atMs: Date.now() };
      settings.catch(() => {
        this.#manifest = undefined;
      });
    }
    return this.#manifest.settings;
  }

  /** Drops the cache, because the manifest has just changed. */
  forget(): void {
    this.#manifest = undefined;
    this.#kernels.clear();
  }

  /**
   * The span of a kernel that may boot.
   * @throws BootRefusedError saying why it may not.
   */
  async kernel(name: KernelName): Promise<SignedSpan> {
    const known = this.#kernels.get(name);
    if (known !== undefined && isYounger(known.atMs, REMEMBER_MS)) return known.span;
    const atMs = Date.now();
    const span = await this.trusted(KERNEL_IDS[name]);
    const hash = hex(blake3OfText(span.code ?? ''));
    if (hash !== KERNEL_HASHES[name]) {
      throw new BootRefusedError(
        `The ledger's copy of ${name} is not the one this program was built from; plant the seeds with: npx logline seed`,
      );
    }
    this.#kernels.set(name, { span, atMs });
    return span;
  }

  /**
   * The span of a function that may boot with trust.
   * @throws BootRefusedError when it is not listed, missing, not the system's, or does not verify.
   */
  async trusted(id: string): Promise<SignedSpan> {
    const manifest = await this.manifest();
    if (!manifest.allowedBootIds.includes(id))
      throw new BootRefusedError(`The manifest does not allow ${id} to boot.`);
    const span = await this.#read(id);
    if (span === undefined || span.is_deleted)
      throw new BootRefusedError(`The ledger holds no function ${id} to boot.`);
    if (span.tenant_id !== SYSTEM.tenant || span.owner_id !== SYSTEM.user) {
      throw new BootRefusedError(`Function ${id} does not belong to the system.`);
    }
    const verdict = verifySpan(span, { trustedKeys: this.trustedKeys(manifest) });
    if (!verdict.ok) throw new BootRefusedError(`Function ${id} does not verify: ${verdict.detail}.`);
    return span;
  }

  /** Keys that may sign what boots. */
  trustedKeys({ overridePublicKeyHex }: ManifestSettings): ReadonlySet<string> {
    const { trusted } = this.#keys();
    return overridePublicKeyHex === undefined ? trusted : new Set([...trusted, overridePublicKeyHex]);
  }

  async #readManifest(): Promise<ManifestSettings> {
    // The manifest cannot vouch for itself: only the instance's own keys count here.
    return parseManifest(await this.#read(KERNEL_MANIFEST_ID), this.#keys().trusted);
  }

  /** Everything that boots is public, so it is read without an identity. */
  #read(id: string): Promise<SignedSpan | undefined> {
    return readLatest(this.#database, NOBODY, id);
  }
}
