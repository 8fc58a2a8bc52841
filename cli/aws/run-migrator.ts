import { LATEST_MIGRATION } from '../../runtime/db/latest-migration.generated';
import { stackUrl } from '../deploy/stack-url';
import { explainProblem, LedgerApi, textMember } from '../ledger-api';
import { callMigrator } from './migrator';
import { stackSettings } from './stack-file';

/**
 * Runs a stack's migrator, which updates schema, key history and seeds from the `sql/` that it was deployed with, and
 * prints its report.
 * @throws OperatorError with the reason when it fails
 */
export async function runMigrator(stack: string, json: boolean): Promise<void> {
  const { migrations, seeds, keys } = await callMigrator(stackSettings(stack));
  const answer = { migrations, seeds, keys };
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

/**
 * Prints whether a stack's database has every migration of this program, as its API reports. Exit code 1 when not.
 */
export async function showMigrationStatus(stack: string, json: boolean): Promise<void> {
  stackSettings(stack);
  const url = await stackUrl(stack);
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
