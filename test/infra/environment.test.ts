import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { dryRun } from '../../infra/dry-run';
import { at, recordOf } from './subject';

/** Variables for tests and local runs; on AWS their defaults apply. */
const NOT_SET_ON_AWS = [
  'LOGLINE_CONNECT_TIMEOUT_MS',
  'LOGLINE_DATABASE_CA',
  'LOGLINE_DATABASE_TLS',
  'LOGLINE_LOCK_TIMEOUT_MS',
  'LOGLINE_POOL_SIZE',
  'LOGLINE_STATEMENT_TIMEOUT_MS',
];

/** A stack with every setting. */
const EVERYTHING = {
  'aws:region': 'us-east-1',
  'logline:providerKeys': '{"openai":"sk-provider-secret"}',
  'logline:origin': 'ledger.example.com',
  'logline:proofs': {
    witnesses: [
      'witness w witness.example/w+5154e33f+BAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f https://witness.example/',
    ],
    witnessedTenants: ['acme'],
  },
  'logline:database': { engine: 'aurora', readers: 1 },
  'logline:edge': { enabled: true },
  'logline:oidc': {
    issuer: 'https://id.example.com',
    audience: 'logline',
    clientId: 'explorer',
    operatorTenant: 'system',
  },
};

describe('the environment of the functions', function () {
  this.timeout(300_000);

  it('has every variable that the runtime reads there, and none that it does not', async () => {
    const { resources } = await dryRun({ stack: 'dev', config: EVERYTHING });
    const set = resources
      .filter(({ type }) => type === 'aws:lambda/function:Function')
      .flatMap(({ inputs }) => Object.keys(recordOf(at(inputs, 'environment.variables'))))
      .filter((name) => name.startsWith('LOGLINE_'));
    const lambda = join(REPOSITORY_ROOT, 'runtime/lambda');
    const files = [
      ...readdirSync(lambda).map((name) => join(lambda, name)),
      join(REPOSITORY_ROOT, 'runtime/settings.ts'),
    ];
    const read = files.flatMap(
      (file) => readFileSync(file, 'utf8').match(/LOGLINE_[A-Z0-9_]*[A-Z0-9]/g) ?? [],
    );
    const expected = [...new Set(read)].filter((name) => !NOT_SET_ON_AWS.includes(name)).sort();
    assert.deepEqual([...new Set(set)].sort(), expected);
  });
});
