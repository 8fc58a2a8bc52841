/**
 * Brings the template database to the state every test starts from: migrated and seeded.
 *
 * @param adminUrl URL of the owner of the (empty) template database
 * @param appPassword password that the role `logline_app` shall have
 */
export async function prepareTemplate(_adminUrl: string, _appPassword: string): Promise<void> {}
