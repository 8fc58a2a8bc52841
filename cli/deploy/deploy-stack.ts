import { buildLayer, LAYERS, type LayerName } from '../../infra/bundle';
import type { StackSettings } from '../../infra/settings';
import { OperatorError } from '../../local/operator-error';
import { cryptoReady } from '../../runtime/crypto';
import { LATEST_MIGRATION } from '../../runtime/db/latest-migration.generated';
import { useRegionOf } from '../aws/stack-access';
import { stackSettings } from '../aws/stack-file';
import { requirePulumi } from '../aws/validate/pulumi-checks';
import { linesOf, validate } from '../aws/validate/run-validate';
import { LedgerApi, textMember } from '../ledger-api';
import { runSmoke } from '../smoke/run-smoke';
import { smokeOptionsOf } from '../smoke/smoke-stack';
import { ask } from './ask';
import { runOperation } from './operation';
import { openStack, readOutputs, type StackOutputs } from './pulumi-stack';
import { Steps } from './steps';

/** Options of `logline deploy`. */
export interface DeployOptions {
  readonly stack: string;
  readonly yes?: boolean;
  readonly previewOnly?: boolean;
}

/**
 * Deploys a stack and runs the smoke test. Each step reports its duration; after a failure or interruption, run it again.
 * @throws OperatorError when a step fails; the message says what to run next
 */
export async function deploy(options: DeployOptions): Promise<void> {
  const settings = stackSettings(options.stack);
  if (!options.yes && !options.previewOnly && !process.stdin.isTTY) {
    throw new OperatorError('deploying without a terminal to ask at needs --yes (or --preview-only)', {
      exitCode: 2,
    });
  }
  await requirePulumi();
  useRegionOf(settings);
  const steps = new Steps();
  await steps.run('validate', () => requireValid(options.stack));
  await steps.run('bundle', async () => bundle());
  const stack = await steps.run('open the stack', () => openStack(options.stack, 'create'));
  if (options.previewOnly || !options.yes) {
    const changes = await steps.run('preview', () => runOperation(stack, 'preview', options.stack));
    if (options.previewOnly) {
      process.stdout.write(
        `\n${changes === '' ? 'Nothing to change.' : `${changes}; nothing was changed.`}\n`,
      );
      return;
    }
    if (changes !== '' && !(await ask(`Deploy these changes to "${options.stack}"? (yes/no) `, 'yes'))) {
      throw new OperatorError('not deployed; nothing was changed');
    }
  }
  await steps.run('deploy', () => runOperation(stack, 'up', options.stack));
  const outputs = await steps.run('read outputs', () => readOutputs(stack));
  const url = requireEndpoint(outputs, options.stack);
  await steps.run('check migrations', () => checkMigrations(url, options.stack));
  await steps.run('smoke test', () => smoke(settings, url));
  process.stdout.write(welcome(options.stack, url, outputs, steps.elapsedText()));
}

/** Prints warnings and failures of `validate`; only failures throw. */
async function requireValid(stack: string): Promise<string> {
  const results = await validate(stack, (result) => {
    if (result.outcome !== 'pass') process.stdout.write(linesOf(result));
  });
  const [first, ...others] = results.filter(({ outcome }) => outcome === 'fail');
  if (first !== undefined) {
    const more = others.length === 0 ? '' : `, and ${others.length} more`;
    throw new OperatorError(
      `nothing was changed: ${first.name}: ${first.detail}${more}; npx logline validate --stack ${stack} shows all`,
    );
  }
  return `${results.length} checks`;
}

/** The Pulumi program bundles again; bundling here first reports a fault of the sources before any call to AWS. */
function bundle(): string {
  const names = Object.keys(LAYERS).filter((name): name is LayerName => name in LAYERS);
  return names
    .map((name) => {
      const { zipBytes, hash } = buildLayer(name);
      return `${name} ${Math.round(zipBytes / 1024)} KB ${hash.slice(0, 12)}`;
    })
    .join(', ');
}

function requireEndpoint({ apiEndpoint }: StackOutputs, stack: string): string {
  if (apiEndpoint !== undefined) return apiEndpoint;
  throw new OperatorError(
    `stack "${stack}" has no output apiEndpoint; run npx logline deploy --stack ${stack}`,
  );
}

/** Asks the API whether the schema is the one that this program expects; the migrator ran during the update. */
async function checkMigrations(url: string, stack: string): Promise<string> {
  const health = await new LedgerApi(url, undefined).demand('/api/health');
  const migration = textMember(health, 'migration');
  if (migration !== LATEST_MIGRATION) {
    throw new OperatorError(
      `the database is at ${migration ?? 'no migration'}, expected ${LATEST_MIGRATION}; see npx logline logs migrator --stack ${stack}`,
    );
  }
  return migration;
}

async function smoke(settings: StackSettings, url: string): Promise<string> {
  await cryptoReady();
  const ok = await runSmoke(await smokeOptionsOf(settings, url));
  if (!ok) {
    throw new OperatorError(
      `stack "${settings.stack}" is deployed, but the smoke test failed; see npx logline logs all --stack ${settings.stack}, then npx logline smoke --stack ${settings.stack}`,
    );
  }
  return 'all checks hold';
}

/** Next steps after a deployment, as lines to paste. */
export function welcome(stack: string, url: string, outputs: StackOutputs, took: string): string {
  const token = `npx logline token --stack ${stack} --user you --tenant acme`;
  return [
    '',
    `LogLine is deployed at ${url} (${took})`,
    '',
    `  public key  ${outputs.publicKeyHex ?? ''}`,
    ...(outputs.dashboardUrl === undefined ? [] : [`  dashboard   ${outputs.dashboardUrl}`]),
    `  logs        npx logline logs all --stack ${stack} --follow`,
    '',
    'A token, an append, a listing:',
    '',
    `TOKEN=$(${token})`,
    `curl -sS ${url}/api/spans -H 'content-type: application/json' -H "authorization: Bearer $TOKEN" -d '{"entity_type":"note","who":"you","did":"wrote","this":"hello, ledger"}'`,
    `curl -sS ${url}/api/timeline -H "authorization: Bearer $TOKEN"`,
    '',
  ].join('\n');
}
