import type { StackSettings } from '../../infra/settings';
import { mintFor, stackSigningKey } from '../aws/stack-access';
import { stackSettings } from '../aws/stack-file';
import { stackUrl } from '../deploy/stack-url';
import type { SmokeOptions } from './run-smoke';

/** Two tokens of the stack's own key, so that the tenant boundary is checked as well. */
export async function smokeOptionsOf(settings: StackSettings, url: string): Promise<SmokeOptions> {
  const key = await stackSigningKey(settings);
  return {
    url,
    token: await mintFor(key, 'smoke', 'smoke'),
    otherToken: await mintFor(key, 'smoke', 'smoke-other-tenant'),
  };
}

/**
 * Where a stack answers, and as whom to ask it.
 * @param given what the user chose himself comes first
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
