import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

export interface SelfSigned {
  readonly key: string;
  readonly cert: string;
}

/**
 * A certificate that its own key has signed, for one DNS name or IPv4 address, made anew at every call. PEM.
 *
 * @param dates from when and until when it is valid, as `YYMMDDhhmmssZ`.
 */
export function selfSigned(
  name: string,
  dates: readonly [string, string] = ["200101000000Z", "491231235959Z"],
): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  // RFC 5280, section 4.1; the algorithm is ecdsa-with-SHA256, the issuer and the subject are CN=test.
  const algorithm = der(0x30, oid("06082a8648ce3d040302"));
  const nameOfTest = der(0x30, der(0x31, der(0x30, oid("0603550403"), der(0x0c, Buffer.from("test")))));
  const validity = der(0x30, utcTime(dates[0]), utcTime(dates[1]));
  const altNames = der(
    0x30,
    isIP(name) === 4 ? der(0x87, Buffer.from(name.split(".").map(Number))) : der(0x82, Buffer.from(name)),
  );
  const extension = der(0x30, oid("0603551d11"), der(0x04, altNames));
  const toBeSigned = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOfTest,
    validity,
    nameOfTest,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(0x30, extension)),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = der(0x30, toBeSigned, algorithm, der(0x03, Buffer.from([0]), signature));
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString("base64")}\n-----END CERTIFICATE-----\n`,
  };
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function oid(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}

function utcTime(text: string): Buffer {
  return der(0x17, Buffer.from(text));
}
