/**
 * Certificates made on the spot: an authority, clients, and servers that each have another fault. Nothing is on disk.
 */
// @peculiar/x509 needs this import, before its own.
// oxlint-disable-next-line import/no-unassigned-import
import "reflect-metadata"
import * as X509 from "@peculiar/x509"
import { createPrivateKey } from "node:crypto"

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const
const day = 86_400_000

/** A certificate and its private key, PEM. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

interface Issuer {
  readonly certificate: X509.X509Certificate
  readonly keys: CryptoKeyPair
}

const keyPair = () => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])

const keyOf = async (keys: CryptoKeyPair): Promise<string> =>
  X509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY")

/** The date so many days from now. A negative number gives a date in the past. */
const inDays = (days: number): Date => new Date(Date.now() + days * day)

let serial = 0
const nextSerial = () => (++serial).toString(16).padStart(4, "0")

/** Signed by itself, or by another authority. */
const makeAuthority = async (name: string, signer?: Issuer): Promise<Issuer> => {
  const keys = await keyPair()
  const certificate = await X509.X509CertificateGenerator.create({
    serialNumber: nextSerial(),
    subject: `CN=${name}`,
    issuer: signer?.certificate.subject ?? `CN=${name}`,
    notBefore: inDays(-30),
    notAfter: inDays(30),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: (signer?.keys ?? keys).privateKey,
    extensions: [
      new X509.BasicConstraintsExtension(true, undefined, true),
      new X509.KeyUsagesExtension(X509.KeyUsageFlags.keyCertSign | X509.KeyUsageFlags.cRLSign, true)
    ]
  })
  return { certificate, keys }
}

interface Subject {
  readonly name: string
  readonly alternativeNames?: ReadonlyArray<X509.JsonGeneralName>
  readonly usage: X509.ExtendedKeyUsage
  readonly from?: number
  readonly until?: number
}

const issue = async (issuer: Issuer, subject: Subject): Promise<Identity> => {
  const keys = await keyPair()
  const certificate = await X509.X509CertificateGenerator.create({
    serialNumber: nextSerial(),
    subject: `CN=${subject.name}`,
    issuer: issuer.certificate.subject,
    notBefore: inDays(subject.from ?? -1),
    notAfter: inDays(subject.until ?? 10),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    extensions: [
      new X509.ExtendedKeyUsageExtension([subject.usage]),
      ...(subject.alternativeNames === undefined
        ? []
        : [new X509.SubjectAlternativeNameExtension([...subject.alternativeNames])])
    ]
  })
  return { cert: certificate.toString("pem"), key: await keyOf(keys) }
}

const authority = await makeAuthority("test authority")
const unknownAuthority = await makeAuthority("authority nobody knows")

const { clientAuth, serverAuth } = X509.ExtendedKeyUsage
const local = { name: "localhost", usage: serverAuth } as const
const localNames = [{ type: "dns", value: "localhost" }, { type: "ip", value: "127.0.0.1" }] as const

/** The certificate of the authority that has signed everything here except `unknown` and `clientOfAnother`. */
export const ca = authority.certificate.toString("pem")

/** The authority that has signed only `unknown` and `clientOfAnother`. */
export const stranger = unknownAuthority.certificate.toString("pem")

/** `localhost` and 127.0.0.1. */
export const server = await issue(authority, { ...local, alternativeNames: localNames })

/** `localhost` without an address. */
export const serverByName = await issue(authority, { ...local, alternativeNames: [localNames[0]] })

export const wrongHost = await issue(authority, {
  name: "other.example",
  usage: serverAuth,
  alternativeNames: [{ type: "dns", value: "other.example" }]
})

export const expired = await issue(authority, { ...local, alternativeNames: localNames, from: -20, until: -10 })

export const notYetValid = await issue(authority, { ...local, alternativeNames: localNames, from: 5 })

const intermediate = await makeAuthority("intermediate authority", authority)

const byIntermediate = await issue(intermediate, { ...local, alternativeNames: localNames })

/** Signed by an intermediate authority, whose certificate the server does not send. */
export const withoutIntermediate = byIntermediate

/** The same, with the whole chain. */
export const withIntermediate: Identity = {
  cert: `${byIntermediate.cert}\n${intermediate.certificate.toString("pem")}`,
  key: byIntermediate.key
}

/** Correct, except that nobody trusts its authority. */
export const unknown = await issue(unknownAuthority, { ...local, alternativeNames: localNames })

export const client = await issue(authority, { name: "client1", usage: clientAuth })

/** The certificate of a client, from an authority that the servers do not know. */
export const clientOfAnother = await issue(unknownAuthority, { name: "client1", usage: clientAuth })

/** The private key, encrypted with a passphrase. */
export const encrypted = (key: string, passphrase: string): string =>
  String(createPrivateKey(key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }))
