import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A key and a certificate for it, both PEM. */
export interface SelfSigned {
  readonly key: string;
  readonly cert: string;
}

/** A self-signed certificate (RFC 5280) for one host name, valid for a day. */
export function selfSignedCertificate(hostname: string): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(objectId('2a8648ce3d040302')); // ecdsa-with-SHA256
  const name = sequence(tlv(0x31, sequence(objectId('550403'), tlv(0x0c, Buffer.from(hostname)))));
  const altName = sequence(objectId('551d11'), tlv(0x04, sequence(tlv(0x82, Buffer.from(hostname)))));
  const isAuthority = sequence(objectId('551d13'), tlv(0x04, sequence(tlv(0x01, Buffer.from([0xff])))));
  const dayMs = 86_400_000;
  const body = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(randomBytes(8)),
    algorithm,
    name,
    sequence(time(Date.now() - dayMs), time(Date.now() + dayMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(altName, isAuthority)),
  );
  const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]));
  const der = sequence(body, algorithm, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`,
  };
}

/** DER: tag, length, value. */
function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), value]);
}

function sequence(...values: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(values));
}

function objectId(hexDigits: string): Buffer {
  return tlv(0x06, Buffer.from(hexDigits, 'hex'));
}

/** A positive integer; the leading zero avoids a negative sign. */
function integer(bytes: Buffer): Buffer {
  return tlv(0x02, (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

function time(ms: number): Buffer {
  const [date = ''] = new Date(ms).toISOString().split('.');
  return tlv(0x18, Buffer.from(`${date.replaceAll(/[-:T]/g, '')}Z`));
}
