import assert from 'node:assert/strict';
import { hostChecks, type ResolveIpv6 } from '../../../cli/aws/validate/host-checks';
import type { CheckResult } from '../../../cli/aws/validate/prerequisite';
import { parseSettings } from '../../../infra/settings';

const OIDC = { oidc: { issuer: 'https://id.example/tenant', audience: 'logline' } };
const KEYS = { providerKeys: { openai: 'sk' } };

/** As `node:dns` fails. */
function dnsError(code: string): Error {
  return Object.assign(new Error(`queryAaaa ${code}`), { code });
}

async function check(
  name: string,
  values: Record<string, unknown>,
  resolve: ResolveIpv6,
): Promise<CheckResult & { asked: string[] }> {
  const asked: string[] = [];
  const prerequisite = hostChecks(async (hostname) => {
    asked.push(hostname);
    return resolve(hostname);
  }).find((one) => one.name === name);
  assert.ok(prerequisite);
  const settings = parseSettings({ project: 'logline', stack: 'dev', region: 'us-east-1', values });
  return { ...(await prerequisite.run({ stack: 'dev', settings, region: 'us-east-1' })), asked };
}

describe('hosts that functions have to reach, under egress ipv6,', () => {
  const there: ResolveIpv6 = async () => ['2001:db8::1'];
  const none: ResolveIpv6 = () => Promise.reject(dnsError('ENODATA'));

  it('pass with an IPv6 address: the issuer, and every provider of the first manifest', async () => {
    assert.equal((await check('OIDC issuer', OIDC, there)).outcome, 'pass');
    const providers = await check('provider hosts', KEYS, there);
    assert.equal(providers.outcome, 'pass');
    assert.deepEqual(providers.asked.sort(), ['api.anthropic.com', 'api.openai.com']);
  });

  it('are refused without one, by name', async () => {
    assert.equal((await check('OIDC issuer', OIDC, none)).outcome, 'fail');
    const one: ResolveIpv6 = (hostname) => (hostname === 'api.openai.com' ? none(hostname) : there(hostname));
    const { outcome, detail, advice } = await check('provider hosts', KEYS, one);
    assert.equal(outcome, 'fail');
    assert.match(detail, /^api\.openai\.com has no IPv6 address/);
    assert.match(advice ?? '', /egress to nat/);
  });

  it('are those of witnesses as well', async () => {
    const witnesses = [
      'witness w witness.example/w+5154e33f+BAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f https://witness.example/',
    ];
    const { outcome, detail, asked } = await check('witnesses', { proofs: { witnesses } }, none);
    assert.deepEqual([outcome, asked], ['fail', ['witness.example']]);
    assert.match(detail, /^witness\.example has no IPv6 address/);
    assert.equal((await check('witnesses', {}, none)).outcome, 'pass');
  });

  it('are refused when they are IPv4 addresses, without a look-up', async () => {
    const issuer = { oidc: { issuer: 'https://192.0.2.7/', audience: 'logline' } };
    const { outcome, asked } = await check('OIDC issuer', issuer, there);
    assert.deepEqual([outcome, asked], ['fail', []]);
  });

  it('are worth a warning when no name server answers', async () => {
    const { outcome, detail } = await check('provider hosts', KEYS, () =>
      Promise.reject(dnsError('ECANCELLED')),
    );
    assert.equal(outcome, 'warn');
    assert.match(detail, /could not be looked up \(.*ECANCELLED/);
  });

  it('are not looked up through NAT, nor when there are none to call', async () => {
    const nat = { network: { egress: 'nat' } };
    assert.deepEqual((await check('OIDC issuer', { ...OIDC, ...nat }, none)).asked, []);
    const through = await check('provider hosts', { ...KEYS, ...nat }, none);
    assert.deepEqual([through.outcome, through.asked], ['pass', []]);
    assert.deepEqual((await check('provider hosts', {}, none)).asked, []);
  });
});
