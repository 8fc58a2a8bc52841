/**
 * The settings of one stack as plain data. Each group (`*-settings.ts`) has its members, defaults and rules in one file.
 * Nothing here needs Pulumi, so the rules are tested as tables; `config.ts` alone feeds them from `pulumi.Config`.
 */

import { readApi } from './api-settings';
import { FACTS_AS_OF, isKnownRegion, partitionOf } from './aws-facts';
import { readBackup } from './backup-settings';
import { readDatabase } from './database-settings';
import { readEdge } from './edge-settings';
import { environmentFaults } from './environment-size';
import { readFunctions } from './function-settings';
import { readMonitoring } from './monitoring-settings';
import { nameFaults } from './names';
import { readNetwork } from './network-settings';
import { readOidc } from './oidc-settings';
import { readProofs } from './proofs-settings';
import { readProviderNames } from './provider-settings';
import { readRotation } from './rotation-settings';
import { SettingsReader } from './settings-reader';
import type { StackSettings } from './stack-settings';
import { readTags } from './tag-settings';
import { warningsOf } from './warnings';

export type { StackSettings } from './stack-settings';

/** Input of {@link parseSettings}: values as Pulumi stores them, parsed where they are JSON. */
export interface RawSettings {
  /** Pulumi project: `logline`. */
  readonly project: string;
  /** Stack: `dev`. */
  readonly stack: string;
  /** `aws:region`; undefined when it is not set. */
  readonly region: string | undefined;
  /** Key without `logline:` → value. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** The configuration of a stack is invalid. */
export class ConfigError extends Error {
  /** One line a fault, with its key and what is allowed. */
  readonly faults: readonly string[];

  constructor(stack: string, faults: readonly string[]) {
    super(
      `the configuration of stack "${stack}" has ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}:\n` +
        faults.map((fault) => `  - ${fault}`).join('\n'),
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** Keys of the namespace `logline:`. `Pulumi.yaml` declares the same ones; a test compares. */
export const SETTING_KEYS = [
  'protect',
  'idempotencyDays',
  'tags',
  'network',
  'database',
  'api',
  'edge',
  'oidc',
  'functions',
  'monitoring',
  'origin',
  'proofs',
  'backup',
  'rotation',
  'providerKeys',
] as const;

/**
 * Checks a stack's configuration as a whole and fills in the defaults.
 *
 * @throws ConfigError that lists every fault, each with its key and what is allowed.
 */
export function parseSettings(raw: RawSettings): StackSettings {
  const faults: string[] = [];
  const root = new SettingsReader('logline:', raw.values, SETTING_KEYS, faults);
  const region = raw.region ?? '';
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) {
    faults.push(
      `aws:region: expected an AWS region such as us-east-1; got ${region === '' ? 'nothing' : `"${region}"`}`,
    );
  } else if (!isKnownRegion(region)) {
    faults.push(
      `aws:region: expected a region where everything that a stack needs is known to be; "${region}" is not in the list of ${FACTS_AS_OF} (infra/aws-facts.ts)`,
    );
  }
  const partition = partitionOf(region);
  const { project, stack } = raw;
  faults.push(...nameFaults({ project, stack, region }));
  const protect = root.boolean('protect', false);
  const providerNames = readProviderNames(root, raw.values.providerKeys);
  const network = readNetwork(root);
  const database = readDatabase(root, protect);
  const settings: StackSettings = {
    project,
    stack,
    region,
    partition,
    protect,
    tags: readTags(root),
    network,
    database,
    api: readApi(root),
    edge: readEdge(root, partition),
    oidc: readOidc(root),
    functions: readFunctions(root, database.maxConnections),
    monitoring: readMonitoring(root, protect),
    origin: root.optionalText(
      'origin',
      /^[^\s+/]{1,200}$/,
      'a name such as ledger.example.com, without white space, + and /',
    ),
    proofs: readProofs(root, protect),
    backup: readBackup(root, region),
    rotation: readRotation(root),
    idempotencyDays: root.integer('idempotencyDays', { min: 1, max: 3_650, fallback: 30 }),
    providerNames,
    warnings: [],
  };
  faults.push(...environmentFaults(settings));
  if (faults.length > 0) {
    throw new ConfigError(stack, faults);
  }
  return { ...settings, warnings: warningsOf(settings) };
}
