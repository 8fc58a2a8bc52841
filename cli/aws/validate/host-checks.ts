import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { REPOSITORY_ROOT } from '../../../infra/bundle';
import type { StackSettings } from '../../../infra/settings';
import { oneLine, systemErrorCode } from '../../../local/operator-error';
import { parseWitnesses } from '../../../runtime/proofs/remote-witness';
import { member } from '../../ledger-api';
import { type CheckResult, fail, type Prerequisite, pass, warn } from './prerequisite';

/** IPv6 addresses of a name; rejects as `node:dns` does when there are none. */
export type ResolveIpv6 = (hostname: string) => Promise<readonly string[]>;

/** Time limit of a look-up in milliseconds, over all name servers. */
const LOOKUP_MS = 5_000;
const NAME_SERVER_MS = 2_000;

/** DNS errors that are answers: no such name, or no address of this family. */
const NO_ADDRESS = ['ENOTFOUND', 'ENODATA'];

async function resolveBounded(hostname: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: NAME_SERVER_MS, tries: 2 });
  const timer = setTimeout(() => resolver.cancel(), LOOKUP_MS);
  try {
    return await resolver.resolve6(hostname);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Checks that hosts which the functions call have an IPv6 address under `egress: ipv6`. Without one a deployment
 * succeeds and the first call fails.
 * @param resolve defaults to the name servers of this machine, five seconds for a name
 */
export function hostChecks(resolve: ResolveIpv6 = resolveBounded): readonly Prerequisite[] {
  return [
    {
      name: 'OIDC issuer',
      run: async ({ settings }) =>
        settings?.oidc === undefined
          ? pass('none')
          : judge([new URL(settings.oidc.issuer).hostname], settings, 'an issuer', resolve),
    },
    {
      name: 'witnesses',
      run: async ({ settings }) =>
        settings === undefined || settings.proofs.witnesses.length === 0
          ? pass('none')
          : judge(
              parseWitnesses(settings.proofs.witnesses.join('\n')).map(({ url }) => new URL(url).hostname),
              settings,
              'witnesses',
              resolve,
            ),
    },
    {
      name: 'provider hosts',
      run: async ({ settings }) =>
        settings === undefined || settings.providerNames.length === 0
          ? pass('no provider keys')
          : judge(seededProviderHosts(), settings, 'providers', resolve),
    },
  ];
}

async function judge(
  hostnames: readonly string[],
  { network }: StackSettings,
  what: string,
  resolve: ResolveIpv6,
): Promise<CheckResult> {
  const all = hostnames.join(', ');
  if (network.egress === 'nat') return pass(`${all}, reached through NAT`);
  const found = await Promise.all(hostnames.map((hostname) => lookUp(hostname, resolve)));
  const without = found.filter(({ state }) => state === 'none').map(({ hostname }) => hostname);
  if (without.length > 0) {
    return fail(
      `${without.join(', ')} ${without.length === 1 ? 'has' : 'have'} no IPv6 address (AAAA record), and egress is ipv6`,
      `set logline:network.egress to nat, or take ${what} with one`,
    );
  }
  const unknown = found.find(({ state }) => state === 'unknown');
  return unknown === undefined
    ? pass(`${all} ${hostnames.length === 1 ? 'has' : 'have'} an IPv6 address`)
    : warn(
        `whether ${unknown.hostname} has an IPv6 address could not be looked up (${unknown.reason})`,
        'try again online',
      );
}

interface LookedUp {
  readonly hostname: string;
  readonly state: 'there' | 'none' | 'unknown';
  readonly reason?: string;
}

async function lookUp(hostname: string, resolve: ResolveIpv6): Promise<LookedUp> {
  // A URL writes an IPv6 address in brackets.
  const family = isIP(hostname.replace(/^\[|\]$/g, ''));
  if (family !== 0) return { hostname, state: family === 6 ? 'there' : 'none' };
  try {
    return { hostname, state: (await resolve(hostname)).length > 0 ? 'there' : 'none' };
  } catch (error) {
    return NO_ADDRESS.includes(systemErrorCode(error) ?? '')
      ? { hostname, state: 'none' }
      : { hostname, state: 'unknown', reason: oneLine(error) };
  }
}

/** Hosts that the seeded manifest allows provider_exec to call, without loopback. */
function seededProviderHosts(): string[] {
  const text = readFileSync(join(REPOSITORY_ROOT, 'sql/seeds/kernel_manifest.json'), 'utf8');
  const spans: unknown = JSON.parse(text);
  const [first] = Array.isArray(spans) ? spans : [];
  const hosts = member(member(member(first, 'metadata'), 'provider'), 'hosts');
  return (Array.isArray(hosts) ? hosts : [])
    .map((host) => new URL(`https://${host}`).hostname)
    .filter((hostname) => !/^(localhost|127\..*|\[::1\])$/.test(hostname));
}
