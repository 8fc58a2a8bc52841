import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { StackSettings } from '../../infra/settings';
import { OperatorError } from '../../local/operator-error';
import { LATEST_MIGRATION } from '../../runtime/db/latest-migration.generated';
import { openStack, readOutputs } from '../deploy/pulumi-stack';
import { explainProblem, LedgerApi, member, textMember } from '../ledger-api';
import { explainAwsError } from './aws-error';
import { useRegionOf } from './stack-access';
import { functionName, stackSettings } from './stack-file';

/** What the migrator says that it did, a line each. */
interface MigratorAnswer {
  readonly migrations: readonly string[];
  readonly seeds: readonly string[];
  readonly keys: readonly string[];
}

/** The longest that a Lambda runs, and a little. */
const TIMEOUT_MS = 910_000;

/**
 * Has the migrator of a stack bring schema, key history and seeds up to date, with the `sql/` that it was deployed
 * with, and prints what it did.
 * @throws OperatorError with the reason when it fails
 */
export async function runMigrator(stack: string, json: boolean): Promise<void> {
  const answer = await invoke(stackSettings(stack));
  if (json) {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    return;
  }
  const lines = [
    ...answer.migrations.map((name) => `applied ${name}`),
    ...answer.keys,
    ...answer.seeds.map((name) => `seeded ${name}`),
  ];
  process.stdout.write(`${lines.length === 0 ? 'everything is up to date' : lines.join('\n')}\n`);
}

async function invoke(settings: StackSettings): Promise<MigratorAnswer> {
  useRegionOf(settings);
  const name = functionName(settings, 'migrator');
  const client = new LambdaClient({
    region: settings.region,
    // A second call would wait for the first one's lock, and then say that there was nothing to do.
    maxAttempts: 1,
    requestHandler: { requestTimeout: TIMEOUT_MS },
  });
  try {
    const { FunctionError, Payload } = await client.send(
      new InvokeCommand({ FunctionName: name, Payload: JSON.stringify({ trigger: 'operator' }) }),
    );
    const answer: unknown = JSON.parse(Payload?.transformToString() || 'null');
    if (FunctionError !== undefined) {
      throw new OperatorError(
        `the migrator failed: ${textMember(answer, 'errorMessage') ?? FunctionError}; see npx logline logs migrator --stack ${settings.stack}`,
      );
    }
    return {
      migrations: textsOf(member(answer, 'migrations')),
      seeds: textsOf(member(answer, 'seeds')),
      keys: textsOf(member(answer, 'keys')),
    };
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    if (error instanceof Error && error.name === 'ResourceNotFoundException') {
      throw new OperatorError(
        `stack "${settings.stack}" is not deployed in ${settings.region} (there is no function ${name}); run npx logline deploy --stack ${settings.stack}`,
        { cause: error },
      );
    }
    throw explainAwsError(error, `call ${name}`);
  } finally {
    client.destroy();
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/**
 * Says whether the database of a stack has every migration of this program, as the stack's own API knows it. Exit code
 * 1 when not.
 */
export async function showMigrationStatus(stack: string, json: boolean): Promise<void> {
  stackSettings(stack);
  const url = (await readOutputs(await openStack(stack, 'select'))).apiEndpoint;
  if (url === undefined) {
    throw new OperatorError(
      `stack "${stack}" has no output apiEndpoint; run npx logline deploy --stack ${stack}`,
    );
  }
  const health = await new LedgerApi(url, undefined).request('/api/health');
  const applied = textMember(health.body, 'migration');
  const ok = applied === LATEST_MIGRATION;
  if (!ok) process.exitCode = 1;
  if (json) {
    process.stdout.write(`${JSON.stringify({ ok, expected: LATEST_MIGRATION, applied: applied ?? null })}\n`);
    return;
  }
  process.stdout.write(
    ok
      ? `${LATEST_MIGRATION} and everything before it is applied\n`
      : `expected ${LATEST_MIGRATION}; the stack answers ${applied ?? explainProblem(health)}; run npx logline deploy --stack ${stack}\n`,
  );
}
