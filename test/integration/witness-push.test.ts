import assert from 'node:assert/strict';
import { ed25519, generateSigningKey } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { silentLogger } from '../../runtime/log/logger';
import { verifierKeyOf } from '../../runtime/proofs/checkpoint-keys';
import { parseWitnesses } from '../../runtime/proofs/remote-witness';
import { openCheckpoint, witnessesOf } from '../../runtime/proofs/span-proof';
import { type VerifierKey, verifierKeyText } from '../../runtime/proofs/verifier-key';
import { addCheckpointText, Witness } from '../../runtime/proofs/witness';
import { WitnessPush } from '../../runtime/proofs/witness-push';
import { createTestLog, TEST_INSTANCE, type TestLog } from '../support/test-log';
import { rememberedStates } from '../support/test-witness';

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

  /** A witness in this process, and a push to it. */
  const witnessOf = (name: string, logs: readonly VerifierKey[]) => {
    const witness = new Witness({ name, key: generateSigningKey(), logs, store: rememberedStates() });
    const post: typeof fetch = async (_url, init) => {
      const { status, type, body } = await witness.addCheckpoint(String(init?.body));
      return new Response(body, { status, headers: { 'content-type': type } });
    };
    const witnesses = parseWitnesses(
      `witness w ${verifierKeyText(witness.verifierKey)} http://witness.test/`,
    );
    return { key: witness.verifierKey, post, witnesses };
  };
  const keyOf = ({ keys }: TestLog, instance = TEST_INSTANCE) =>
    verifierKeyOf(keys.current.publicKeyHex, `${instance}/acme`);

  it('cosign each newer checkpoint of a listed tenant, also when they know another size than was thought', async () => {
    const logKey = keyOf(log);
    const { key, post, witnesses } = witnessOf('witness.test/w', [logKey]);
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
      // A new push does not know the witness's state.
      if (size === 3) push = make();
      assert.equal(await push.push(), 1);
      assert.equal(await push.push(), 0);
      const { note } = await log.reader('acme').checkpoint();
      const opened = await openCheckpoint(note, [logKey, key], { verify: ed25519.verify });
      assert.deepEqual([opened.size, witnessesOf(opened).length], [size, 1]);
    }
  });

  it('are asked in turn when there is time for one only', async () => {
    const logKey = keyOf(log);
    const sides = ['one.test/w', 'two.test/w'].map((name) => witnessOf(name, [logKey]));
    const asked: string[] = [];
    let clock = 0;
    const push = new WitnessPush({
      sealing,
      database: log.stage0.pool,
      witnesses: sides.map(({ key }, index) => ({ key, url: `http://witness.test/${index}` })),
      tenants: ['acme'],
      logger: silentLogger(),
      now: () => clock,
      post: async (url, init) => {
        const side = sides[Number(/\/(\d)\/add-checkpoint$/.exec(String(url))?.[1])];
        asked.push(String(side?.key.name));
        clock += 1_000;
        return (side?.post ?? fetch)(url, init);
      },
    });
    assert.equal(await push.push(clock + 1), 1);
    assert.equal(await push.push(clock + 1), 1);
    assert.deepEqual(asked, ['one.test/w', 'two.test/w']);
    assert.equal(await push.push(clock), 0);
  });

  it('of two instances that cosign each other: each one’s checkpoint verifies with the other’s witness key', async () => {
    const other = await createTestLog();
    const otherSealing = new Database({ connectionString: other.stage0.database.urls.sealer, poolSize: 1 });
    try {
      const sides = [
        { log, sealing, witnessedBy: witnessOf('other.test/w', [keyOf(log)]) },
        { log: other, sealing: otherSealing, witnessedBy: witnessOf('logline.test/w', [keyOf(other)]) },
      ];
      for (const { log: own, sealing: by, witnessedBy } of sides) {
        const token = await own.stage0.token('alice', 'acme');
        await own.stage0.call('/api/spans', { token, body: DRAFT });
        await own.seal();
        const { post, witnesses, key } = witnessedBy;
        const database = own.stage0.pool;
        const push = new WitnessPush({
          sealing: by,
          database,
          witnesses,
          tenants: ['acme'],
          logger: silentLogger(),
          post,
        });
        assert.equal(await push.push(), 1);
        const { note } = await own.reader('acme').checkpoint();
        const opened = await openCheckpoint(note, [keyOf(own), key], { verify: ed25519.verify });
        assert.ok(witnessesOf(opened).some((signature) => signature.key.name === key.name));
      }
      // The witness does not know the other instance's log until it is registered.
      const { note } = await other.reader('acme').checkpoint();
      const answer = await sides[0]?.witnessedBy.post('http://witness.test/add-checkpoint', {
        body: addCheckpointText({ old: 0, hashes: [], checkpoint: note }),
      });
      assert.equal(answer?.status, 403);
    } finally {
      await otherSealing.close();
      await other.close();
    }
  });
});
