import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { dryRun } from '../../infra/dry-run';
import { cleanUp, temporaryFolder } from '../support/local-run';

describe('the component in another program', function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await temporaryFolder();
    await mkdir(path.join(folder, 'node_modules'));
    // As installed by `npm install <this folder>`.
    await symlink(REPOSITORY_ROOT, path.join(folder, 'node_modules', 'logline'));
  });
  after(() => cleanUp(folder));

  async function run(text: string) {
    const program = path.join(folder, `index-${Math.random().toString(36).slice(2)}.ts`);
    await writeFile(program, `import { LogLine } from 'logline/pulumi';\n${text}`);
    return dryRun({ stack: 'dev', config: { 'aws:region': 'eu-west-1' }, program });
  }
  const names = ({ resources }: Awaited<ReturnType<typeof run>>) =>
    resources.map(({ type, name }) => `${type} ${name}`).sort();

  it("registers the same resources as this repository's program, with its settings", async () => {
    const foreign = await run(`
      const ledger = new LogLine('logline', { database: { backupDays: 9 }, providerKeys: { 'acme/openai': 'sk' } });
      export const { apiEndpoint } = ledger;`);
    const own = await dryRun({
      stack: 'dev',
      config: { 'aws:region': 'eu-west-1', 'logline:providerKeys': { secure: 'x' } },
    });
    assert.deepEqual(names(foreign), names(own));
    assert.equal(foreign.outputs.apiEndpoint, own.outputs.apiEndpoint);
    const database = foreign.resources.find(({ type }) => type === 'aws:rds/instance:Instance');
    assert.equal(database?.inputs.backupRetentionPeriod, 9);
  });

  it('refuses wrong settings, every fault by name', async () => {
    await assert.rejects(
      run(`new LogLine('logline', { database: { backupDays: 99 }, functions: { memoryMb: 1 } });`),
      /2 faults:[\s\S]*backupDays[\s\S]*memoryMb/,
    );
  });
});
