import ipaddr from 'ipaddr.js';

/**
 * Where provider_exec may connect to: the host must be on the allow-list, and every address that it resolves to must be
 * one that its entry allows.
 *
 * | entry of the allow-list | covers | addresses allowed |
 * |---|---|---|
 * | `api.openai.com` | https on port 443 | public |
 * | `api.example.com:8443` | http and https on that port | public |
 * | `localhost:8080` | http and https on that port | loopback |
 * | `ollama:11434`, `llm.internal:80` | http and https on that port | public, private, unique-local, loopback |
 * | `127.0.0.1:11434`, `[fd00::5]:80` | that address and port | that address |
 *
 * A name of the fourth line (no dot, or below a domain that the public DNS does not have) is resolved by the operator's
 * own network only, so an entry with a port allows private addresses. A public name is resolved by a foreign name server,
 * so it never leads to a private address, whatever its entry says.
 */
export interface HostRule {
  /** As the URL standard writes it: lower case, IPv6 in brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Undefined: either. */
  readonly protocol: 'https:' | undefined;
  readonly reach: 'public' | 'loopback' | 'private' | 'itself';
}

const HTTPS_PORT = 443;
const PRIVATE_SUFFIX = /\.(?:localhost|local|internal|lan|home\.arpa|intranet|corp|home)$/;

/** Ranges that each reach allows in addition to `public`, named as by {@link addressRange}. */
const REACHABLE: Readonly<Record<HostRule['reach'], ReadonlySet<string>>> = {
  public: new Set(['public']),
  loopback: new Set(['loopback']),
  private: new Set(['public', 'private', 'uniqueLocal', 'loopback']),
  itself: new Set(),
};

/**
 * Instance metadata outside of the link-local range: AWS over IPv6, Azure, Alibaba, Oracle. Written as ipaddr.js
 * normalises them.
 */
const METADATA_ADDRESSES: ReadonlySet<string> = new Set([
  'fd00:ec2:0:0:0:0:0:254',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
]);

/** The rule for a URL; undefined when no entry covers it. Invalid entries cover nothing. */
export function ruleFor(url: URL, allowedHosts: readonly string[]): HostRule | undefined {
  const hostname = hostnameOf(url);
  const port = portOf(url);
  return allowedHosts
    .map(parseEntry)
    .find(
      (rule) =>
        rule !== undefined &&
        rule.hostname === hostname &&
        rule.port === port &&
        (rule.protocol === undefined || rule.protocol === url.protocol),
    );
}

/** Whether a host that a rule covers may be reached at this address. */
export function mayConnect(rule: HostRule, address: string): boolean {
  if (rule.reach === 'itself') return sameAddress(address, bare(rule.hostname));
  return REACHABLE[rule.reach].has(addressRange(address));
}

/**
 * `public`, or the special range that an address belongs to, in the words of ipaddr.js (`linkLocal`, `carrierGradeNat`,
 * `rfc6052` for NAT64 …). IPv6 outside of the global range 2000::/3 is special, even if unassigned; an address that embeds
 * an IPv4 address (mapped, NAT64, 6to4, Teredo) is never public.
 */
export function addressRange(address: string): string {
  if (!ipaddr.isValid(address)) return 'special';
  const parsed = ipaddr.parse(address);
  const isIPv6 = parsed instanceof ipaddr.IPv6;
  if ((isIPv6 && parsed.zoneId) || METADATA_ADDRESSES.has(parsed.toNormalizedString())) return 'special';
  const range = parsed.range();
  if (range !== 'unicast') return range;
  return isIPv6 && !parsed.match(ipaddr.IPv6.parse('2000::'), 3) ? 'special' : 'public';
}

/** The host of a URL without a trailing dot: `example.com.` and `example.com` are the same host. */
export function hostnameOf(url: URL): string {
  return url.hostname.replace(/\.$/, '');
}

/** The port of an http or https URL, explicit or default. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? HTTPS_PORT : 80;
}

/** `[::1]` → `::1`. */
export function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function parseEntry(entry: string): HostRule | undefined {
  const [, host, port] = /^(\[[^\]]+\]|[^:/?#@\\\s]+)(?::(\d{1,5}))?$/.exec(entry.trim()) ?? [];
  if (host === undefined || !URL.canParse(`https://${host}/`)) return undefined;
  const hostname = hostnameOf(new URL(`https://${host}/`));
  const reach = reachOf(hostname, port !== undefined);
  return port === undefined
    ? { hostname, port: HTTPS_PORT, protocol: 'https:', reach }
    : { hostname, port: Number(port), protocol: undefined, reach };
}

function reachOf(hostname: string, hasPort: boolean): HostRule['reach'] {
  if (ipaddr.isValid(bare(hostname))) return 'itself';
  if (!hasPort) return 'public';
  if (hostname === 'localhost') return 'loopback';
  return !hostname.includes('.') || PRIVATE_SUFFIX.test(hostname) ? 'private' : 'public';
}

function sameAddress(one: string, other: string): boolean {
  if (!ipaddr.isValid(one) || !ipaddr.isValid(other)) return false;
  return ipaddr.parse(one).toNormalizedString() === ipaddr.parse(other).toNormalizedString();
}
