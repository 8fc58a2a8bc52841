import assert from 'node:assert/strict';
import { HELLO, KEYS, openProviderWorld, type ProviderWorld, WRONG_KEY } from '../support/provider-world';
import { withClient } from '../support/sql-session';

describe('access to providers', () => {
  let world: ProviderWorld;
  before(async () => {
    world = await openProviderWorld();
  });
  beforeEach(() => world.server.reset());
  after(() => world.close());

  describe('who may use which provider', () => {
    it('not a stranger: neither a private one, nor a public one, which might be a trap', async () => {
      const mallory = await world.token('mallory', 'globex');
      const hidden = await world.append(world.ollama());
      assert.equal((await world.execute({ provider_id: hidden.id, input: HELLO }, mallory)).status, 404);
      const shown = await world.append(world.ollama(), { visibility: 'public' });
      assert.equal((await world.execute({ provider_id: shown.id, input: HELLO }, mallory)).status, 403);
      assert.equal(world.server.requests.length, 0);
    });

    it('a colleague, of a tenant-wide one, with the key of the tenant and a private record of the call', async () => {
      const { id } = await world.append(world.openai(), { visibility: 'tenant' });
      const bob = await world.token('bob', 'acme');
      const { status, body } = await world.execute({ provider_id: id, input: HELLO }, bob);
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.execution.owner_id, 'bob');
      assert.deepEqual(await world.executionsOf(id, world.alice), []);
    });

    it('not a colleague any more once the newest version is hidden from them', async () => {
      const { id } = await world.append(world.ollama(), { visibility: 'tenant', name: 'taken back' });
      await world.append(world.ollama(), { id, seq: 1, visibility: 'private', name: 'taken back' });
      const bob = await world.token('bob', 'acme');
      assert.equal((await world.execute({ provider_id: id, input: HELLO }, bob)).status, 404);
      assert.equal((await world.execute({ provider: 'taken back', input: HELLO }, bob)).status, 404);
    });

    it("every tenant, of a public one of the system, with the system's key", async () => {
      const system = await world.token('system', 'system');
      const { id } = await world.append(world.openai(), { visibility: 'public', name: 'house' }, system);
      const mallory = await world.token('mallory', 'globex');
      const { status, body } = await world.execute({ provider: 'house', input: HELLO }, mallory);
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.execution.tenant_id, 'globex');
      assert.equal(body.execution.visibility, 'private');
      assert.deepEqual(body.execution.related_to, [id]);
    });

    it('by name: one’s own before the tenant’s; several of one rank are ambiguous', async () => {
      const bob = await world.token('bob', 'acme');
      const shared = await world.append(world.ollama({ model: 'shared' }), {
        visibility: 'tenant',
        name: 'writer',
      });
      assert.equal(
        (await world.execute({ provider: 'writer', input: HELLO }, bob)).body.result.model,
        'shared',
      );
      const own = await world.append(world.ollama({ model: 'own' }), { name: 'writer' }, bob);
      assert.equal((await world.execute({ provider: 'writer', input: HELLO }, bob)).body.result.model, 'own');
      await world.append(world.ollama(), { id: own.id, seq: 1, name: 'renamed' }, bob);
      assert.equal(
        (await world.execute({ provider: 'writer', input: HELLO }, bob)).body.result.model,
        'shared',
      );
      const other = await world.append(world.ollama(), { visibility: 'tenant', name: 'writer' });
      const { status, body } = await world.execute({ provider: 'writer', input: HELLO }, bob);
      assert.equal(status, 400);
      assert.ok(body.detail.includes(shared.id) && body.detail.includes(other.id));
      assert.equal((await world.execute({ provider: 'nobody', input: HELLO }, bob)).status, 404);
    });
  });

  describe('API keys', () => {
    it('of one tenant are out of reach for another, whatever its provider calls them', async () => {
      const mallory = await world.token('mallory', 'globex');
      for (const secret of ['good', 'acme-good']) {
        const { id } = await world.append(world.openai({ secret }), {}, mallory);
        const { status, body } = await world.execute({ provider_id: id, input: HELLO }, mallory);
        assert.equal(status, 403, JSON.stringify(body));
      }
      const { id } = await world.append(world.openai({ secret: 'acme/good' }), {}, mallory);
      assert.equal((await world.execute({ provider_id: id, input: HELLO }, mallory)).status, 400);
      assert.equal(world.server.requests.length, 0);
    });

    it('stand in no span and no answer, even when the service repeats them', async () => {
      const { id } = await world.append(world.openai({ secret: 'wrong' }));
      const { status, body } = await world.execute({ provider_id: id, input: HELLO });
      assert.equal(status, 422);
      assert.match(body.error.detail, /^Incorrect API key provided: \[secret\]\./);
      assert.equal(world.server.requests[0]?.headers.authorization, `Bearer ${WRONG_KEY}`);
      const everything = await withClient(world.kernels.database.superuserUrl, async (client) => {
        const { rows } = await client.query(
          'SELECT row_to_json(r)::text AS row FROM ledger.universal_registry r',
        );
        return JSON.stringify([rows, body]);
      });
      assert.ok(everything.includes(id));
      for (const key of KEYS.values()) assert.ok(!everything.includes(key), 'a key is in the ledger');
    });
  });
});
