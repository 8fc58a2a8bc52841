import assert from 'node:assert/strict';
import { ed25519, generateSigningKey } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { silentLogger } from '../../runtime/log/logger';
import { verifierKeyOf } from '../../runtime/proofs/checkpoint-keys';
import { openCheckpoint, witnessesOf } from '../../runtime/proofs/span-proof';
import { verifierKeyText } from '../../runtime/proofs/verifier-key';
import { Witness, type WitnessedState } from '../../runtime/proofs/witness';
import { parseWitnesses, WitnessPush } from '../../runtime/proofs/witness-push';
import { createTestLog, TEST_INSTANCE, type TestLog } from '../support/test-log';

const DRAFT = { entity_type: 'note', who: 'alice', this: 'a thing' };

describe('witnesses', function () {
  this.timeout(60_000);
  let log: TestLog;
  let sealing: Database;
  before(async () => {
    log = await createTestLog();
    sealing = new Database({ connectionString: log.stage0.database.urls.sealer, poolSize: 1 });
  });
  after(async () => {
    await sealing.close();
    await log.close();
  });

  it('cosign each newer checkpoint of a listed tenant, also when they know another size than was thought', async () => {
    const logKey = verifierKeyOf(log.keys.current.publicKeyHex, `${TEST_INSTANCE}/acme`);
    const states = new Map<string, WitnessedState>();
    const store = {
      read: async (origin: string) => states.get(origin),
      async swap(origin: string, _before: number, after: WitnessedState) {
        states.set(origin, after);
        return true;
      },
    };
    const witness = new Witness({ name: 'witness.test/w', key: generateSigningKey(), logs: [logKey], store });
    const post: typeof fetch = async (_url, init) => {
      const { status, type, body } = await witness.addCheckpoint(String(init?.body));
      return new Response(body, { status, headers: { 'content-type': type } });
    };
    const witnesses = parseWitnesses(
      `witness w ${verifierKeyText(witness.verifierKey)} http://witness.test/`,
    );
    const make = () =>
      new WitnessPush({
        sealing,
        database: log.stage0.pool,
        witnesses,
        tenants: ['acme'],
        logger: silentLogger(),
        post,
      });
    const token = await log.stage0.token('alice', 'acme');
    let push = make();
    for (const size of [1, 2, 3]) {
      await log.stage0.call('/api/spans', { token, body: DRAFT });
      await log.seal();
      // One that was just started does not know what the witness has.
      if (size === 3) push = make();
      assert.equal(await push.push(), 1);
      assert.equal(await push.push(), 0);
      const { note } = await log.reader('acme').checkpoint();
      const opened = await openCheckpoint(note, [logKey, witness.verifierKey], { verify: ed25519.verify });
      assert.deepEqual([opened.size, witnessesOf(opened).length], [size, 1]);
    }
  });
});
