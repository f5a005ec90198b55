/**
 * The possible problems with TLS, a WebSocket, CONNECT or a store. Each row advises a person, and says whether another
 * attempt may find the problem mended.
 *
 * `MqttError` has the reasons that carry these problems.
 */

export const adviceOnReferral = "; set `followServerReference` to follow it to the other server"

/** Advice to a person about a refusal, for the codes where there is something to do. */
export const adviceOnRefusal: { readonly [code: number]: string } = {
  0x85: "; set another `clientId`",
  0x86: "; check `username` and `password`",
  0x87: "; check `username` and `password`, and what the server allows this client",
  0x8c: "; the server does not know this `authentication` method",
  0x95: "; the Will or the properties of CONNECT are larger than the server accepts",
  0x9a: "; the Will asks for `retain`, which the server does not support",
  0x9b: "; the Will asks for a QoS the server does not support",
  0x9c: adviceOnReferral,
  0x9d: adviceOnReferral
}

/** The reasons for which one publish fails, without a consequence for the next. */
export const concernsOneMessage: ReadonlySet<string> = new Set([
  "InvalidRequest",
  "MessageExpired",
  "Overflow",
  "PublishRefused",
  "Quarantined",
  "ServerLimit"
])

/**
 * A problem with TLS, as in `TlsFailed.problem`.
 *
 * @since 0.1.0
 * @category models
 */
export type TlsProblem =
  | "UnknownAuthority"
  | "HostMismatch"
  | "Expired"
  | "NotYetValid"
  | "ClientCertificateRequired"
  | "ClientCertificateRefused"
  | "VersionTooOld"
  | "NoApplicationProtocol"
  | "HandshakeRefused"
  | "NotTls"
  | "TlsExpected"
  | "InvalidMaterial"
  | "Other"

/** The problems with TLS: whether another attempt may find it mended, and advice to a person. */
export const tlsProblems: {
  readonly [Problem in TlsProblem]: readonly [isRetryable: boolean, advice: string | undefined]
} = {
  UnknownAuthority: [
    false,
    "if the server's certificate comes from your own authority, give the authority's certificate as `tls.ca`"
  ],
  HostMismatch: [false, "use a host name that the certificate has, or set `tls.servername` to one"],
  Expired: [true, "renew the server's certificate, and check this machine's clock"],
  NotYetValid: [true, "check this machine's clock"],
  ClientCertificateRequired: [false, "the server wants a client certificate: give `tls.cert` and `tls.key`"],
  ClientCertificateRefused: [false, "the server does not accept the client certificate in `tls.cert`"],
  VersionTooOld: [false, "the two sides have no TLS version in common; see `tls.minVersion`"],
  NoApplicationProtocol: [false, "the server knows none of `tls.alpnProtocols`"],
  HandshakeRefused: [
    false,
    "the two sides share no cipher or other parameter of TLS, or the server wants a client certificate"
  ],
  NotTls: [true, "it may be a port without TLS: use the one with TLS, often 8883, or a URL with mqtt:// or ws://"],
  TlsExpected: [
    false,
    "the server speaks TLS on this port: use a URL with mqtts:// or wss://, or its port without TLS"
  ],
  InvalidMaterial: [true, "check `tls.ca`, `tls.cert`, `tls.key` and `tls.passphrase`"],
  Other: [true, undefined]
}

/** The server sent one certificate, and the client trusts none of its signers. OpenSSL's code for that. */
const onlyOneCertificate = "UNABLE_TO_VERIFY_LEAF_SIGNATURE"

/** Advice to a person about a failure of TLS, the likeliest cause first. */
export const tlsAdvice = (problem: TlsProblem, code: string | undefined): string | undefined => {
  const [, advice] = tlsProblems[problem]
  return code === onlyOneCertificate
    ? `the server sent no intermediate certificate: if there is one, make the server send it with its own; ${advice}`
    : advice
}

/**
 * A problem with a WebSocket, as in `WebSocketFailed.problem`.
 *
 * @since 0.1.0
 * @category models
 */
export type WebSocketProblem =
  | "UpgradeRefused"
  | "NotWebSocket"
  | "SubProtocol"
  | "TextFrame"
  | "FrameTooLarge"
  | "Malformed"
  | "MixedContent"
  | "ContentSecurityPolicy"

/** The problems with a WebSocket: whether another attempt may find it mended, and a description. */
export const webSocketProblems: {
  readonly [Problem in WebSocketProblem]: readonly [isRetryable: boolean, description: string]
} = {
  UpgradeRefused: [true, "the server did not agree to a WebSocket; check the path of the URL, and `webSocket.headers`"],
  NotWebSocket: [true, "the answer does not come from a WebSocket server; check host, port and path"],
  SubProtocol: [false, "the server did not choose the sub-protocol \"mqtt\" [MQTT-6.0.0-4]; check the path of the URL"],
  TextFrame: [true, "the server sent a text frame, but MQTT uses only binary frames [MQTT-6.0.0-1]"],
  FrameTooLarge: [true, "the server sent a frame larger than `webSocket.maximumFrameSize`"],
  Malformed: [true, "the server broke the WebSocket protocol"],
  MixedContent: [false, "a page loaded over https cannot open ws:; use wss:"],
  ContentSecurityPolicy: [false, "the Content-Security-Policy of the page forbids it; add the server to `connect-src`"]
}

/**
 * A problem with a store, as in `StoreFailed.problem`.
 *
 * @since 0.2.0
 * @category models
 */
export type StoreProblem =
  | "InUse"
  | "Full"
  | "ReadOnly"
  | "Corrupt"
  | "NewerFormat"
  | "NotAnswering"
  | "Closed"
  | "Unavailable"

/** The problems with a store: whether another attempt may find it mended, and a description with advice to a person. */
export const storeProblems: {
  readonly [Problem in StoreProblem]: readonly [isRetryable: boolean, description: string]
} = {
  InUse: [true, "another client uses it; end that client, or give this one another store or another `clientId`"],
  Full: [true, "there is no room to write; make room, or lower the bounds of the `outbox`"],
  ReadOnly: [false, "it cannot be written; check who owns it, and whether its disk is mounted for writing"],
  Corrupt: [false, "its contents are damaged; move it aside to begin with an empty store, and keep it for a repair"],
  NewerFormat: [false, "a newer version of effect-mqtt wrote it; use that version, or another store"],
  NotAnswering: [true, "it did not answer in time; check the disk or the service that holds it"],
  Closed: [false, "it is closed"],
  Unavailable: [true, "it cannot be reached; check that it exists and that this program may use it"]
}
