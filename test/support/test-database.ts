import { randomBytes } from 'node:crypto';
import { Client, escapeIdentifier } from 'pg';
import { passwordsOfRoles } from '../../local/key-file';
import { databaseUrl, ensureLedgerDatabase, OWNER_ROLE } from '../../local/ledger-database';
import { type RoleKey, roleName } from '../../runtime/db/roles';
import { prepareTemplate } from './template-database';
import { testCluster } from './test-cluster';

/** A database that belongs to one test or one suite. */
export interface TestDatabase {
  /** URL of `logline_owner`, the owner of the database and its schemas, who is no superuser. */
  readonly adminUrl: string;
  /** URL of `logline_app`, the role that the ledger runs as. */
  readonly appUrl: string;
  /** URL of each role. */
  readonly urls: Readonly<Record<RoleKey, string>>;
  /** URL of a superuser, for tests that break things on purpose. */
  readonly superuserUrl: string;
  /** Ends every session on the database and drops it. */
  drop(): Promise<void>;
}

const TEMPLATE = 'logline_template';
const ownerPassword = randomBytes(16).toString('hex');
const passwords = passwordsOfRoles(() => randomBytes(16).toString('hex'));

let ownerAndTemplate: Promise<void> | undefined;
let template: Promise<void> | undefined;

/**
 * Creates a database with schema and seeds, in some 50 ms: a copy of a template that is migrated once per mocha run.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  template ??= createTemplate();
  await template;
  return createDatabase(TEMPLATE);
}

/** Creates an empty database, for tests of the migrations. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  // Roles belong to the whole server, so the template creates them first, with this run's passwords.
  template ??= createTemplate();
  await template;
  return createDatabase('template1');
}

/** The passwords that {@link TestDatabase.urls} use; pass them to `migrate` on an empty database, with `sharesRoles`. */
export function testPasswords(): Readonly<Record<RoleKey, string>> {
  return passwords;
}

/** Once per run, since concurrent statements cannot create the same role. */
function ensureOwner(): Promise<void> {
  ownerAndTemplate ??= testCluster().then((server) =>
    ensureLedgerDatabase(server.superuserUrl('postgres'), ownerPassword, TEMPLATE),
  );
  return ownerAndTemplate;
}

async function createTemplate(): Promise<void> {
  const server = await testCluster();
  await ensureOwner();
  await prepareTemplate(databaseUrl(server.port, OWNER_ROLE, ownerPassword, TEMPLATE), passwords);
}

async function createDatabase(from: string): Promise<TestDatabase> {
  const server = await testCluster();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await superuser(server.superuserUrl('postgres'), async (client) => {
    await client.query(
      `CREATE DATABASE ${escapeIdentifier(name)} OWNER ${OWNER_ROLE} TEMPLATE ${escapeIdentifier(from)}`,
    );
  });
  const urls = passwordsOfRoles((role) => databaseUrl(server.port, roleName(role), passwords[role], name));
  return {
    adminUrl: databaseUrl(server.port, OWNER_ROLE, ownerPassword, name),
    appUrl: urls.app,
    urls,
    superuserUrl: server.superuserUrl(name),
    drop: () =>
      superuser(server.superuserUrl('postgres'), async (client) => {
        await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`);
      }),
  };
}

async function superuser(url: string, use: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
