import type { StackSettings } from '../../infra/settings';
import { mintFor, stackSigningKey } from '../aws/stack-access';
import { stackSettings } from '../aws/stack-file';
import { stackUrl } from '../deploy/stack-url';
import type { SmokeOptions } from './run-smoke';

/** Two tokens of different tenants, so that the tenant boundary is checked as well. */
export async function smokeOptionsOf(settings: StackSettings, url: string): Promise<SmokeOptions> {
  const key = await stackSigningKey(settings);
  return {
    url,
    token: await mintFor(key, 'smoke', 'smoke'),
    otherToken: await mintFor(key, 'smoke', 'smoke-other-tenant'),
  };
}

/**
 * URL and tokens of a stack for the smoke test.
 * @param given the user's own options, which take precedence
 * @throws OperatorError when the stack is not deployed, or its key or outputs cannot be read
 */
export async function smokeStack(stack: string, given: SmokeOptions): Promise<SmokeOptions> {
  const settings = stackSettings(stack);
  const url = given.url ?? (await stackUrl(stack));
  return given.token === undefined
    ? {
        ...given,
        ...(await smokeOptionsOf(settings, url)),
        ...(given.otherToken === undefined ? {} : { otherToken: given.otherToken }),
      }
    : { ...given, url };
}
