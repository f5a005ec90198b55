/**
 * A certificate authority made on the spot, and its certificates. Nothing is on disk. Only for trying out: a real
 * authority keeps its key elsewhere.
 */
// @peculiar/x509 needs this import, before its own.
// oxlint-disable-next-line import/no-unassigned-import
import "reflect-metadata"
import * as X509 from "@peculiar/x509"
import { Effect } from "effect"

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const
const hour = 3_600_000

const keyPair = Effect.promise(() => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]))

const validity = Effect.sync(() => ({
  notBefore: new Date(Date.now() - hour),
  notAfter: new Date(Date.now() + 24 * hour)
}))

export interface Authority {
  /** The certificate of the authority, PEM, for clients that trust it. */
  readonly ca: string
  /** A certificate for a server of these names, and its private key. */
  readonly issue: (
    ...names: ReadonlyArray<X509.JsonGeneralName>
  ) => Effect.Effect<{ readonly cert: string; readonly key: string }>
}

export const makeAuthority: Effect.Effect<Authority> = Effect.gen(function*() {
  const keys = yield* keyPair
  const dates = yield* validity
  const authority = yield* Effect.promise(() =>
    X509.X509CertificateGenerator.createSelfSigned({
      name: "CN=authority of an example",
      ...dates,
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new X509.BasicConstraintsExtension(true, undefined, true),
        new X509.KeyUsagesExtension(X509.KeyUsageFlags.keyCertSign, true)
      ]
    })
  )
  const issue = Effect.fnUntraced(function*(...names: ReadonlyArray<X509.JsonGeneralName>) {
    const own = yield* keyPair
    const certificate = yield* Effect.promise(() =>
      X509.X509CertificateGenerator.create({
        subject: `CN=${names[0].value}`,
        issuer: authority.subject,
        ...dates,
        signingAlgorithm: algorithm,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new X509.ExtendedKeyUsageExtension([X509.ExtendedKeyUsage.serverAuth]),
          new X509.SubjectAlternativeNameExtension([...names])
        ]
      })
    )
    const key = yield* Effect.promise(() => crypto.subtle.exportKey("pkcs8", own.privateKey))
    return { cert: certificate.toString("pem"), key: X509.PemConverter.encode(key, "PRIVATE KEY") }
  })
  return { ca: authority.toString("pem"), issue }
})
