import assert from 'node:assert/strict';
import { ConfigurationError } from '../../../runtime/base/errors';
import { scramVerifier } from '../../../runtime/db/scram-verifier';

describe('scramVerifier', () => {
  it('is what RFC 7677 section 3 derives for user “user” and password “pencil”', () => {
    const verifier = scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
    assert.equal(
      verifier,
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
  });

  it('uses a new salt each time', () => {
    assert.notEqual(scramVerifier('pencil'), scramVerifier('pencil'));
  });

  for (const password of ['', 'with space', 'grün', 'line\n']) {
    it(`refuses ${JSON.stringify(password)}, which SASLprep might change`, () => {
      assert.throws(() => scramVerifier(password), ConfigurationError);
    });
  }
});
