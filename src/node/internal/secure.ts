/** TLS on a byte stream: its options, the handshake, and the meaning of its failures. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import * as Types from "../../internal/fieldTypes.ts"
import * as OptionNames from "../../internal/optionNames.ts"
import * as MqttError from "../../MqttError.ts"
import * as ByteStream from "./byteStream.ts"
import * as Material from "./material.ts"

/**
 * The server's certificate is always checked, also against the host's name.
 *
 * @since 0.1.0
 * @category models
 */
export interface TlsOptions {
  /** Authorities to trust instead of Node's own, PEM; one string may hold several. */
  readonly ca?: string | Uint8Array | ReadonlyArray<string | Uint8Array> | undefined
  /** The client's own certificate and the intermediate ones up to its authority, PEM. Needs `key`. */
  readonly cert?: string | Uint8Array | undefined
  /** The private key of `cert`, PEM. */
  readonly key?: Redacted.Redacted<string | Uint8Array> | undefined
  /** Opens an encrypted `key`. */
  readonly passphrase?: Redacted.Redacted<string> | undefined
  /** Application protocols to offer (ALPN), such as `["mqtt"]` or AWS IoT's `["x-amzn-mqtt-ca"]`. Default: none. */
  readonly alpnProtocols?: ReadonlyArray<string> | undefined
  /** The name to ask for (SNI), which the certificate has to have. Default: the host. */
  readonly servername?: string | undefined
  /** Default: `"TLSv1.2"`. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  /**
   * Accepts any certificate. Then anybody on the way can read and change everything, passwords first. Only for trying
   * things out. Default: `false`.
   */
  readonly dangerouslyAcceptAnyCertificate?: boolean | undefined
}

/** The server that the certificate must name. */
export interface Peer {
  readonly host: string
  readonly port: number
}

// ---------------------------------------------------------------------------
// The meaning of failures
// ---------------------------------------------------------------------------

const problems: { readonly [code: string]: MqttError.TlsProblem } = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "UnknownAuthority",
  UNABLE_TO_GET_ISSUER_CERT: "UnknownAuthority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "UnknownAuthority",
  SELF_SIGNED_CERT_IN_CHAIN: "UnknownAuthority",
  DEPTH_ZERO_SELF_SIGNED_CERT: "UnknownAuthority",
  CERT_SIGNATURE_FAILURE: "UnknownAuthority",
  CERT_UNTRUSTED: "UnknownAuthority",
  CERT_REJECTED: "UnknownAuthority",
  INVALID_CA: "UnknownAuthority",
  INVALID_PURPOSE: "UnknownAuthority",
  ERR_TLS_CERT_ALTNAME_INVALID: "HostMismatch",
  HOSTNAME_MISMATCH: "HostMismatch",
  CERT_HAS_EXPIRED: "Expired",
  CERT_NOT_YET_VALID: "NotYetValid",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "VersionTooOld",
  ERR_SSL_WRONG_SSL_VERSION: "VersionTooOld",
  ERR_SSL_WRONG_VERSION_NUMBER: "NotTls",
  ERR_SSL_DATA_LENGTH_TOO_LONG: "NotTls",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "NotTls",
  ERR_SSL_HTTP_REQUEST: "NotTls"
}

/** Problems by the alert that the server sent, RFC 8446 section 6. */
const alerts: { readonly [alert: string]: MqttError.TlsProblem } = {
  CERTIFICATE_REQUIRED: "ClientCertificateRequired",
  BAD_CERTIFICATE: "ClientCertificateRefused",
  UNSUPPORTED_CERTIFICATE: "ClientCertificateRefused",
  CERTIFICATE_REVOKED: "ClientCertificateRefused",
  CERTIFICATE_EXPIRED: "ClientCertificateRefused",
  CERTIFICATE_UNKNOWN: "ClientCertificateRefused",
  UNKNOWN_CA: "ClientCertificateRefused",
  ACCESS_DENIED: "ClientCertificateRefused",
  PROTOCOL_VERSION: "VersionTooOld",
  NO_APPLICATION_PROTOCOL: "NoApplicationProtocol",
  HANDSHAKE_FAILURE: "HandshakeRefused"
}

/** The bytes of an alert, or of the smallest other record. */
const smallestRecord = 7

interface Progress {
  /** Bytes that have come from the server. */
  readonly received: number
  readonly hasCertificate: boolean
}

const problemOf = (code: string | undefined, { hasCertificate, received }: Progress): MqttError.TlsProblem => {
  const [, alert] = /_ALERT_(\w+)$/.exec(code ?? "") ?? []
  const problem = problems[code ?? ""] ?? alerts[alert ?? ""] ?? (received < smallestRecord ? "NotTls" : "Other")
  if (hasCertificate) return problem
  // Without a certificate there is none to refuse; and if the server sent more than an alert, it had agreed to
  // everything else.
  const isMissing = problem === "ClientCertificateRefused" ||
    (problem === "HandshakeRefused" && received > smallestRecord)
  return isMissing ? "ClientCertificateRequired" : problem
}

const failed = (cause: unknown, { host, port }: Peer, progress: Progress): MqttError.TlsFailed => {
  const code = ByteStream.codeOf(cause)
  return new MqttError.TlsFailed({ host, port, problem: problemOf(code, progress), code, cause: withoutCert(cause) })
}

/**
 * Node attaches the certificate to an error about its names. The certificate refers to itself, so no logger of JSON can
 * write it.
 */
const withoutCert = (cause: unknown): unknown =>
  cause instanceof Error && "cert" in cause ? new Error(cause.message) : cause

const invalidMaterial = (cause: unknown, { host, port }: Peer): MqttError.TlsFailed =>
  new MqttError.TlsFailed({ host, port, problem: "InvalidMaterial", code: ByteStream.codeOf(cause), cause })

export interface End {
  readonly cause: unknown
  readonly hasReceived: boolean
}

/**
 * Why an open connection ended. With TLS 1.3 the server looks at the client's certificate after the handshake is
 * complete for the client.
 */
const lost = (cause: unknown, hasReceived: boolean, peer: Peer, hasCertificate: boolean): MqttError.MqttErrorReason => {
  if (ByteStream.codeOf(cause)?.startsWith("ERR_SSL_") === true) {
    return failed(cause, peer, { received: Number.POSITIVE_INFINITY, hasCertificate })
  }
  const advice = hasCertificate
    ? "the server may not accept the client certificate in `tls.cert`, or may not speak this version of MQTT"
    : "the server may want a client certificate, see `tls.cert`, or may not speak this version of MQTT"
  return new MqttError.ConnectionLost({ cause, advice: hasReceived ? undefined : advice })
}

// ---------------------------------------------------------------------------
// The handshake
// ---------------------------------------------------------------------------

const toNode = (material: Material.Material): string | Buffer | Array<string | Buffer> => {
  if (typeof material === "string") return material
  return material instanceof Uint8Array ? Buffer.from(material) : material.flatMap((one) => toNode(one))
}

/** Node would check the certificate for `localhost`. */
const emptyServername = "`servername` is empty; leave it out for the host's name"

/** Programs in JavaScript may give them as they are. */
const secrets = { key: Types.redacted, passphrase: Types.redacted }

/** The problem of material that is no secret, empty or incomplete. Node would treat the last two as left out. */
const missing = ({ ca, cert, key, passphrase, servername }: TlsOptions): string | undefined => {
  if (servername === "") return emptyServername
  const fault = Types.faultWithin({ key, passphrase }, secrets)
  if (fault !== undefined) return `\`${fault.field}\` ${fault.description}`
  if ((cert === undefined) !== (key === undefined)) return "`cert` and `key` come together"
  return (ca === undefined ? undefined : Material.certificates("ca", ca)) ??
    (cert === undefined ? undefined : Material.certificates("cert", cert)) ??
    (key === undefined ? undefined : Material.key("key", Redacted.value(key)))
}

/** Throws if the material cannot be used, with a message of this module or of OpenSSL. */
const secureContext = (tls: TlsOptions): Tls.SecureContext => {
  const problem = missing(tls)
  if (problem !== undefined) throw new Error(problem)
  return Tls.createSecureContext({
    minVersion: tls.minVersion ?? "TLSv1.2",
    ...(tls.ca === undefined ? {} : { ca: toNode(tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: toNode(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: toNode(Redacted.value(tls.key)) as string | Buffer }),
    ...(tls.passphrase === undefined ? {} : { passphrase: Redacted.value(tls.passphrase) })
  })
}

const names: OptionNames.Names<TlsOptions> = {
  ca: true,
  cert: true,
  key: true,
  passphrase: true,
  alpnProtocols: true,
  servername: true,
  minVersion: true,
  dangerouslyAcceptAnyCertificate: true
}

/** Why these options cannot work with any server. */
export const check = (tls: TlsOptions): string | undefined => {
  const unknown = OptionNames.problem(tls, names)
  if (unknown !== undefined) return unknown
  try {
    secureContext(tls)
    return undefined
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

const start = (stream: Duplex, { host }: Peer, tls: TlsOptions): Tls.TLSSocket => {
  // A certificate knows nothing of the zone of an address.
  const name = tls.servername ?? host.replace(/%.*$/, "")
  return Tls.connect({
    socket: stream,
    secureContext: secureContext(tls),
    // An address is checked as one, and is no name to ask for. RFC 6066 section 3.
    host: name,
    servername: Net.isIP(name) === 0 ? name : "",
    ...(tls.alpnProtocols === undefined ? {} : { ALPNProtocols: [...tls.alpnProtocols] }),
    // Always set: an environment variable of Node would change the default.
    rejectUnauthorized: tls.dangerouslyAcceptAnyCertificate !== true
  })
}

const receivedBy = (stream: Duplex): number =>
  "bytesRead" in stream && typeof stream.bytesRead === "number" ? stream.bytesRead : Number.POSITIVE_INFINITY

const handshake = (
  socket: Tls.TLSSocket,
  failedOf: (cause: unknown) => MqttError.MqttErrorReason
): Effect.Effect<void, MqttError.MqttError> =>
  Effect.callback((resume) => {
    const fail = (cause: unknown) => resume(Effect.fail(MqttError.fromReason(failedOf(cause))))
    // Also handles an error after the handshake, which would otherwise be uncaught.
    socket.on("error", fail)
    socket.once("close", () => fail(new Error("the server hung up during the handshake")))
    socket.once("secureConnect", () => resume(Effect.void))
  })

/** A stream with TLS, and the meaning of its end. */
export interface Secured {
  readonly stream: Tls.TLSSocket
  readonly lost: (end: End) => MqttError.MqttErrorReason
}

/** TLS with `peer` over a stream that is open. */
export const secure = Effect.fnUntraced(function*(
  stream: Duplex,
  peer: Peer,
  tls: TlsOptions,
  drainTimeout: Duration.Input | undefined
): Effect.fn.Return<Secured, MqttError.MqttError, Scope.Scope> {
  if (tls.servername === "") {
    return yield* MqttError.fromReason(new MqttError.InvalidOptions({ option: "tls", description: emptyServername }))
  }
  const hasCertificate = tls.cert !== undefined
  let isSecure = false
  // Node reports an alert after the handshake once; after it, the connection seems to end in order.
  let alert: unknown
  const socket = yield* Effect.acquireRelease(
    Effect.try({
      try: () => start(stream, peer, tls),
      catch: (cause) => MqttError.fromReason(invalidMaterial(cause, peer))
    }),
    (socket) => isSecure ? ByteStream.close(socket, drainTimeout) : Effect.sync(() => void socket.destroy())
  )
  socket.on("error", (cause) => {
    alert ??= cause
  })
  yield* handshake(socket, (cause) => failed(cause, peer, { received: receivedBy(stream), hasCertificate }))
  isSecure = true
  yield* toBeTold
  if (alert !== undefined) return yield* MqttError.fromReason(lost(alert, false, peer, hasCertificate))
  return {
    stream: socket,
    lost: ({ cause, hasReceived }) => lost(alert ?? cause, hasReceived, peer, hasCertificate)
  }
})

/**
 * With TLS 1.3 a server looks at the client's certificate when the handshake is over for the client, and hangs up if it
 * does not accept it. A write to a connection that was reset fails, and discards the alert, which gives the reason and
 * has already arrived. So the bytes that have arrived are read first. That takes a round of the event loop.
 */
const toBeTold: Effect.Effect<void> = Effect.andThen(Effect.yieldNow, Effect.yieldNow)

const ended = Effect.fail(
  new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause: new Error("it has ended") }) })
)

/** Reads before it writes for the first time. */
export const toSocket = (stream: Tls.TLSSocket): Effect.Effect<Socket.Socket> =>
  Effect.map(ByteStream.toSocket(stream), ({ reader, writer }) =>
    Socket.make({
      reader,
      writer: Effect.map(writer, ({ write, writeAll }) => {
        let isFirst = true
        return {
          write,
          writeAll: (chunks) => {
            if (!isFirst) return writeAll(chunks)
            isFirst = false
            // A Socket that has ended meanwhile would keep it for its next connection.
            return Effect.andThen(toBeTold, Effect.suspend(() => stream.writable ? writeAll(chunks) : ended))
          }
        }
      })
    }))
