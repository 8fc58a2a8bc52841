/**
 * A Pulumi provider for `aws` and `random` that creates nothing: its answers are those of `infra/stand-in-cloud.ts`. It
 * speaks the real provider protocol, for Pulumi's own engine and ours.
 *
 * `STAND_IN_FAIL_MIGRATION` makes the migrator's invocation fail with that text, as a broken migration would.
 */

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import * as pulumi from '@pulumi/pulumi';
import { computedAnswer, computedId, computedState } from '../../infra/stand-in-cloud';

type Properties = Record<string, unknown>;

const REGION = 'us-east-1';
/** Digests of the inputs in the state, since an archive's path does not show whether its content changed. */
const DIGESTS = 'standInDigests';
/** Wire form of special values in Pulumi's protocol. */
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET = '1b47061264138c4ac30d75fd1eb44270';

/** Inputs that AWS cannot change in place, for types of this program. */
const REPLACED_BY: Readonly<Record<string, readonly string[]>> = {
  'aws:lambda/invocation:Invocation': ['triggers', 'input', 'functionName'],
  'aws:lambda/layerVersion:LayerVersion': ['code', 'description', 'layerName'],
  'aws:secretsmanager/secretVersion:SecretVersion': ['secretString', 'secretId'],
  'aws:secretsmanager/secret:Secret': ['namePrefix'],
  'random:index/randomPassword:RandomPassword': ['keepers', 'length', 'special'],
  'aws:rds/instance:Instance': ['identifier', 'dbName', 'username'],
  'aws:ec2/vpc:Vpc': ['cidrBlock'],
  'aws:ec2/subnet:Subnet': ['cidrBlock', 'availabilityZone', 'vpcId'],
};
const ALWAYS_REPLACED_BY = ['name'];

const provider: pulumi.provider.Provider = {
  version: '7.48.0',
  check: async (_urn, _olds, news) => ({ inputs: news }),
  diff: async (_id, urn, olds, news) => {
    const before: Properties = olds[DIGESTS] ?? {};
    const after = digests(news);
    const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
      (key) => before[key] !== after[key],
    );
    const fixed = [...(REPLACED_BY[typeOf(urn)] ?? []), ...ALWAYS_REPLACED_BY];
    return {
      changes: changed.length > 0,
      replaces: changed.filter((key) => fixed.includes(key)),
      deleteBeforeReplace: changed.includes('name'),
    };
  },
  create: async (urn, inputs) => {
    const type = typeOf(urn);
    failIfAsked(type);
    return { id: computedId(type, nameOf(urn), REGION), outs: stateOf(urn, inputs) };
  },
  update: async (_id, urn, olds, news) => ({ outs: { ...olds, ...stateOf(urn, news, olds) } }),
  delete: async () => undefined,
  invoke: async (token, inputs) => ({ outputs: { ...inputs, ...computedAnswer(token, REGION) } }),
};

function typeOf(urn: string): string {
  return urn.split('::')[2]?.split('$').pop() ?? '';
}

function nameOf(urn: string): string {
  return urn.split('::').slice(3).join('::');
}

function failIfAsked(type: string): void {
  const message = process.env.STAND_IN_FAIL_MIGRATION;
  if (type === 'aws:lambda/invocation:Invocation' && message !== undefined && message !== '') {
    throw new Error(`Lambda function (migrator) returned error: ${message}`);
  }
}

/** State of a resource: inputs, computed outputs and digests; random values stay once they are created. */
function stateOf(urn: string, inputs: Properties, olds: Properties = {}): Properties {
  const type = typeOf(urn);
  const state = { ...inputs, ...computedState(type, nameOf(urn), plain(inputs), REGION) };
  if (type.startsWith('random:')) {
    const bytes = randomBytes(Number(inputs.length ?? inputs.byteLength ?? 32));
    Object.assign(state, {
      hex: bytes.toString('hex'),
      base64: bytes.toString('base64'),
      result: bytes.toString('hex'),
    });
    for (const key of ['hex', 'base64', 'result']) {
      state[key] = olds[key] ?? secretUnlessId(type, state[key]);
    }
  }
  return { ...state, [DIGESTS]: digests(inputs) };
}

function secretUnlessId(type: string, value: unknown): unknown {
  return type.endsWith(':RandomId') ? value : { [SIGNATURE]: SECRET, value };
}

function plain(inputs: Properties): Properties {
  return Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, withoutMark(value)]));
}

function withoutMark(value: unknown): unknown {
  return isRecord(value) && value[SIGNATURE] === SECRET ? value.value : value;
}

function digests(inputs: Properties): Properties {
  return Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, digest(value)]));
}

function digest(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(content(value)) ?? '')
    .digest('hex');
}

/** A value with file contents in place of paths, and sorted keys. */
function content(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(content);
  }
  if (!isRecord(value)) {
    return value;
  }
  if (value[SIGNATURE] === SECRET) {
    return content(value.value);
  }
  // For Diff, Pulumi's engine sends only the hash of an asset.
  if (SIGNATURE in value && typeof value.hash === 'string' && value.hash !== '') {
    return value.hash;
  }
  if (SIGNATURE in value && typeof value.path === 'string' && existsSync(value.path)) {
    return createHash('sha256').update(readFileSync(value.path)).digest('hex');
  }
  const entries = Object.entries(value).filter(([key]) => key !== 'hash');
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, content(item)]),
  );
}

function isRecord(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

void pulumi.provider.main(provider, process.argv.slice(2));
