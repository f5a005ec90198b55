/**
 * TLS material, PEM: whether an option holds the certificates or the key that it should.
 *
 * OpenSSL ignores a text without a certificate, and Node treats an empty text as if the option were not given: it would
 * trust its own authorities instead of nobody. OpenSSL decides whether a certificate or a key is of any use. RFC 7468.
 */
import * as Crypto from "node:crypto"

/** One PEM text or several. */
export type Material = string | Uint8Array | ReadonlyArray<string | Uint8Array>

const textOf = (material: string | Uint8Array): string =>
  typeof material === "string" ? material : Buffer.from(material).toString("latin1")

const certificate = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*-----END \1-----/g
const beginning = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g
const privateKey = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----[^]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----/

const isCertificate = (pem: string): boolean => {
  try {
    return new Crypto.X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

/** OpenSSL reads up to the first certificate that it cannot read, and does not report that certificate or the rest. */
const certificatesProblem = (option: string, material: string | Uint8Array): string | undefined => {
  const text = textOf(material)
  const begun = text.match(beginning)?.length ?? 0
  if (begun === 0) return `\`${option}\` has no certificate in it`
  const whole = text.match(certificate) ?? []
  if (whole.length < begun) return `\`${option}\` ends within a certificate`
  return whole.every(isCertificate) ? undefined : `\`${option}\` has a certificate in it that cannot be read`
}

/** The reason why the material has no certificates. It repeats nothing of the material. */
export const certificates = (option: string, material: Material): string | undefined => {
  if (typeof material === "string" || material instanceof Uint8Array) return certificatesProblem(option, material)
  if (material.length === 0) return `\`${option}\` has no certificate in it`
  return material.map((one) => certificatesProblem(option, one)).find((problem) => problem !== undefined)
}

/** The reason why the material has no private key. It repeats nothing of the material. */
export const key = (option: string, material: string | Uint8Array): string | undefined =>
  privateKey.test(textOf(material)) ? undefined : `\`${option}\` has no private key in it`
