/**
 * Enhanced authentication: how a client proves its identity in as many AUTH packets as the method takes, and again
 * before that proof expires.
 *
 * This module has the methods only. The client decides when packets are sent and which errors end a connection. MQTT
 * 5.0 section 4.12, RFC 5802 and RFC 7677 for SCRAM.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as MqttError from "./MqttError.ts"

/**
 * Authentication Data of this side. It is secret: it is never logged.
 *
 * @since 0.1.0
 * @category models
 */
export type Data = Redacted.Redacted<string | Uint8Array>

/**
 * Authentication Data of the server; `undefined` when it sent none.
 *
 * @since 0.1.0
 * @category models
 */
export type ServerData = Redacted.Redacted<Uint8Array> | undefined

/**
 * One authentication, from CONNECT to CONNACK, or from AUTH 0x19 to AUTH 0x00.
 *
 * @since 0.1.0
 * @category models
 */
export interface Exchange {
  /** Goes out first, in CONNECT or in the AUTH that begins a re-authentication. */
  readonly initial?: Data | undefined
  /**
   * Answers a challenge (AUTH 0x18). If it fails, the connection ends with its error. Default: any challenge fails with
   * `AuthenticationFailed`.
   */
  readonly next?: ((data: ServerData) => Effect.Effect<Data | undefined, MqttError.MqttError>) | undefined
  /**
   * Checks the data that came with the server's success. If it fails, the connection ends with its error. Default:
   * nothing to check.
   */
  readonly succeeded?: ((data: ServerData) => Effect.Effect<void, MqttError.MqttError>) | undefined
  /** When the authentication ends for the server, milliseconds since 1970. Default: never. */
  readonly expiresAt?: number | undefined
}

/**
 * A method and how it is carried out.
 *
 * @since 0.1.0
 * @category models
 */
export interface MqttAuthentication {
  /** The Authentication Method, as the server knows it. */
  readonly method: string
  /** Begins an exchange: run for every connection and for every re-authentication. */
  readonly start: Effect.Effect<Exchange, MqttError.MqttError>
  /**
   * How long before `expiresAt` the client authenticates again by itself; half of the remaining time if that is less.
   * Default: 30 seconds.
   */
  readonly reauthenticateBefore?: Duration.Input | undefined
}

/**
 * A method of your own that keeps no state between its steps. A method with state writes `start` itself.
 *
 * **Example** (A shared secret that answers a question)
 *
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { MqttAuthentication } from "effect-mqtt"
 *
 * const authentication = MqttAuthentication.make({
 *   method: "DIGEST",
 *   next: (challenge) =>
 *     Effect.promise(async () => {
 *       const question = challenge === undefined ? new Uint8Array() : Redacted.value(challenge)
 *       return Redacted.make(new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(question))))
 *     })
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly method: string
  readonly initial?: Effect.Effect<Data | undefined, MqttError.MqttError> | undefined
  readonly next?: Exchange["next"]
  readonly succeeded?: Exchange["succeeded"]
}): MqttAuthentication => {
  const { initial, method, next, succeeded } = options
  const exchange = { next, succeeded }
  return {
    method,
    start: initial === undefined
      ? Effect.succeed(exchange)
      : Effect.map(initial, (data) => ({ ...exchange, initial: data }))
  }
}

/**
 * A token that is obtained for every connection, and again before it expires.
 *
 * **Example** (A token of an identity provider)
 *
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { MqttAuthentication } from "effect-mqtt"
 *
 * const authentication = MqttAuthentication.token({
 *   method: "OAUTH2-JWT",
 *   token: Effect.sync(() => ({ token: Redacted.make("eyJ..."), expiresAt: Date.now() + 3_600_000 })),
 *   reauthenticateBefore: "1 minute"
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const token = (options: {
  readonly method: string
  /** `expiresAt` is in milliseconds since 1970, or a date. */
  readonly token: Effect.Effect<Token, MqttError.MqttError>
  readonly reauthenticateBefore?: Duration.Input | undefined
}): MqttAuthentication => ({
  method: options.method,
  reauthenticateBefore: options.reauthenticateBefore,
  start: Effect.map(options.token, ({ expiresAt, token }) => ({
    initial: token,
    expiresAt: expiresAt === undefined ? undefined : Number(expiresAt)
  }))
})

/**
 * @since 0.1.0
 * @category models
 */
export interface Token {
  readonly token: Data
  readonly expiresAt?: number | Date | undefined
}

// ---------------------------------------------------------------------------------------------------------------------
// SCRAM-SHA-256
// ---------------------------------------------------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface ScramOptions {
  readonly username: string
  readonly password: Redacted.Redacted<string>
  /** Default: `"SCRAM-SHA-256"`. */
  readonly method?: string | undefined
  /**
   * Fewer iterations than this would give the password away too cheaply, so a server may not ask for them. Default:
   * 4096.
   */
  readonly minimumIterations?: number | undefined
  /**
   * More iterations than this would keep this machine busy for the server. Default: 1,000,000, which takes about a
   * second.
   */
  readonly maximumIterations?: number | undefined
  /** Makes every exchange unique: printable ASCII without commas. Default: 24 random bytes. */
  readonly nonce?: Effect.Effect<string> | undefined
}

/**
 * SCRAM-SHA-256 with Web Crypto: the password never leaves this machine, and the server proves that it knows it too. A
 * server that cannot fails the connection with `AuthenticationFailed`.
 *
 * User name and password are prepared with SASLprep, except for its check of bidirectional text. RFC 5802, RFC 7677.
 *
 * @since 0.1.0
 * @category constructors
 */
export const scramSha256 = (options: ScramOptions): MqttAuthentication => {
  const { method = "SCRAM-SHA-256", nonce = randomNonce } = options
  return { method, start: Effect.map(nonce, (clientNonce) => scramExchange({ ...options, method }, clientNonce)) }
}

const randomNonce = Effect.sync(() => toBase64(crypto.getRandomValues(new Uint8Array(24))))

interface ScramExchange extends ScramOptions {
  readonly method: string
}

/** The proof that the server owes at the end. */
type ServerProof = (signature: Uint8Array<ArrayBuffer>) => Promise<boolean>

const scramExchange = (options: ScramExchange, clientNonce: string): Exchange => {
  const { method } = options
  const clientFirst = `n=${prepare(options.username).replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${clientNonce}`
  let proof: ServerProof | undefined
  let isProven = false

  const answerFirst = Effect.fnUntraced(function*(message: string) {
    const challenge = yield* parseServerFirst(options, clientNonce, message)
    const final = yield* Effect.tryPromise({
      try: () => proofs(options, challenge, clientFirst, message),
      catch: (cause) => failed(method, "the proof could not be computed", cause)
    })
    proof = final.server
    return Redacted.make(final.message)
  })

  const checkFinal = Effect.fnUntraced(function*(message: string) {
    const [, kind, value] = /^([ev])=([^,]*)/.exec(message) ?? []
    if (kind === "e") return yield* failed(method, `the server says: ${value.slice(0, 100)}`)
    const signature = kind === "v" ? fromBase64(value) : undefined
    const verify = proof
    if (signature === undefined || verify === undefined) return yield* failed(method, "the server did not prove itself")
    isProven = yield* Effect.promise(() => verify(signature))
    if (!isProven) return yield* failed(method, "the server's signature is wrong: it does not know the password")
  })

  return {
    initial: Redacted.make(`n,,${clientFirst}`),
    // A server may send its proof in a challenge of its own, to which the client sends an empty answer.
    next: (data) =>
      proof === undefined ? answerFirst(textOf(data)) : Effect.as(checkFinal(textOf(data)), Redacted.make("")),
    succeeded: (data) => isProven ? Effect.void : checkFinal(textOf(data))
  }
}

interface ServerFirst {
  /** The client's nonce, continued by the server. */
  readonly nonce: string
  readonly salt: Uint8Array<ArrayBuffer>
  readonly iterations: number
}

/** RFC 5802 section 7, `server-first-message`. A message with a mandatory extension is refused. */
const parseServerFirst = (
  { maximumIterations = 1_000_000, method, minimumIterations = 4096 }: ScramExchange,
  clientNonce: string,
  message: string
): Effect.Effect<ServerFirst, MqttError.MqttError> => {
  const [, nonce, saltText, iterationsText] = /^r=([!-+\--~]+),s=([^,]*),i=([1-9]\d{0,9})(?:,|$)/.exec(message) ?? []
  const salt = saltText === undefined ? undefined : fromBase64(saltText)
  if (salt === undefined || salt.length === 0) return failed(method, "the server's challenge is malformed")
  if (!nonce.startsWith(clientNonce) || nonce.length === clientNonce.length) {
    return failed(method, "the server's nonce does not begin with the client's")
  }
  const iterations = Number(iterationsText)
  if (iterations < minimumIterations || iterations > maximumIterations) {
    const range = `${minimumIterations} to ${maximumIterations}`
    return failed(method, `the server asks for ${iterations} iterations, which is not in ${range}`)
  }
  return Effect.succeed({ nonce, salt, iterations })
}

/** RFC 5802 section 3. `biws` is the header of a client without channel binding, in base 64. */
const proofs = async (
  { password }: ScramExchange,
  { iterations, nonce, salt }: ServerFirst,
  clientFirst: string,
  serverFirst: string
): Promise<{ readonly message: string; readonly server: ServerProof }> => {
  const { subtle } = crypto
  const secret = await subtle.importKey("raw", encode(prepare(Redacted.value(password))), "PBKDF2", false, [
    "deriveBits"
  ])
  const salted = await hmacKey(
    await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, secret, 256)
  )
  const withoutProof = `c=biws,r=${nonce}`
  const signed = encode(`${clientFirst},${serverFirst},${withoutProof}`)
  const clientKey = new Uint8Array(await subtle.sign("HMAC", salted, encode("Client Key")))
  const storedKey = await hmacKey(await subtle.digest("SHA-256", clientKey))
  const clientSignature = new Uint8Array(await subtle.sign("HMAC", storedKey, signed))
  const serverKey = await hmacKey(await subtle.sign("HMAC", salted, encode("Server Key")))
  return {
    message: `${withoutProof},p=${toBase64(clientKey.map((byte, index) => byte ^ clientSignature[index]))}`,
    server: (signature) => subtle.verify("HMAC", serverKey, signature, signed)
  }
}

const hmacKey = (bytes: BufferSource) =>
  crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"])

const failed = (method: string, description: string, cause?: unknown): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.AuthenticationFailed({ method, description, cause }))

/** RFC 4013: spaces become one kind of space, characters mapped to nothing are left out, and the rest is normalised. */
const prepare = (text: string): string =>
  text
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, " ")
    .replace(/[\u00ad\u1806\u2060\ufeff]|\u034f|[\u180b-\u180d]|\u200c|\u200d|[\ufe00-\ufe0f]/g, "")
    .normalize("NFKC")

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

const textOf = (data: ServerData): string => data === undefined ? "" : new TextDecoder().decode(Redacted.value(data))

const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> | undefined =>
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
    ? Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
    : undefined
