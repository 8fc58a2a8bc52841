import type { StackSettings } from './stack-settings';

/** Lambda's limit in bytes for all variables of a function, as JSON (Lambda guide, "Lambda quotas"). */
const ENVIRONMENT_BYTES = 4_096;
/** Upper bound for the program's own variables: names, hosts and ARNs. A test checks it for every function. */
export const OWN_ENVIRONMENT_BYTES = 2_400;

/**
 * Checks configured texts of unlimited length that become environment variables.
 * @returns a message for each function that Lambda would refuse
 */
export function environmentFaults({
  api,
  oidc,
  origin,
  proofs,
}: Pick<StackSettings, 'api' | 'oidc' | 'origin' | 'proofs'>): string[] {
  const everywhere = [origin ?? '', ...Object.values(oidc ?? {}).map(String)];
  const texts = {
    'logline:api.corsOrigins': [api.corsOrigins.join()],
    'logline:proofs.witnesses': [proofs.witnesses.join('\n'), proofs.witnessedTenants.join()],
  };
  const most = ENVIRONMENT_BYTES - OWN_ENVIRONMENT_BYTES;
  return Object.entries(texts).flatMap(([key, own]) => {
    const bytes = Buffer.byteLength(JSON.stringify([...everywhere, ...own]));
    return bytes <= most
      ? []
      : [
          `${key}: has ${bytes} bytes together with logline:oidc and logline:origin, and Lambda takes ${most} besides the program's own variables; make them shorter or fewer`,
        ];
  });
}
