/** Where the ledger is: one address, or one for each tenant. */
export type LedgerUrl = string | Readonly<Record<string, string>>;

/**
 * The address to speak to, without a slash at its end.
 * @throws TypeError when it is none, or there is none for the tenant
 */
export function ledgerUrl(urls: LedgerUrl, tenant = '(none given)'): string {
  const url = typeof urls === 'string' ? urls : Object.hasOwn(urls, tenant) ? urls[tenant] : undefined;
  if (url === undefined) throw new TypeError(`no url for tenant ${tenant}; set tenant, or add it to url`);
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new TypeError(`url must be like http://127.0.0.1:8787, got ${url}`);
  return url.replace(/\/+$/, '');
}
