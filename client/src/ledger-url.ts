/** URL of the ledger, or of the ledger of each tenant. */
export type LedgerUrl = string | Readonly<Record<string, string>>;

/**
 * The URL to use, without a trailing slash.
 * @throws TypeError when it is no URL, or there is none for the tenant
 */
export function ledgerUrl(urls: LedgerUrl, tenant = '(none given)'): string {
  const url = typeof urls === 'string' ? urls : Object.hasOwn(urls, tenant) ? urls[tenant] : undefined;
  if (url === undefined) throw new TypeError(`no url for tenant ${tenant}; set tenant, or add it to url`);
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new TypeError(`url must be like http://127.0.0.1:8787, got ${url}`);
  return url.replace(/\/+$/, '');
}
