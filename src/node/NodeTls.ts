/**
 * The TLS transport of Node: MQTT over TLS over TCP, or over the byte stream that `connect` opens.
 *
 * The certificate of the server is checked for every connection, also against its name. MQTT 5.0 section 5.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs/promises"
import { hostProblem, pathProblem } from "../internal/misplacedSecret.ts"
import * as Attempt from "../internal/transport/attempt.ts"
import * as MqttError from "../MqttError.ts"
import * as MqttTransport from "../MqttTransport.ts"
import * as SocketTransport from "../SocketTransport.ts"
import * as ByteStream from "./internal/byteStream.ts"
import * as Secure from "./internal/secure.ts"
import * as Target from "./internal/target.ts"

export type { PerAttempt } from "../internal/transport/attempt.ts"
export type { TlsOptions } from "./internal/secure.ts"

/**
 * `port`: by default 8883.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ByteStream.TcpOptions {
  /** As an effect it is run for every attempt, so that a certificate that was renewed is used. Default: all defaults. */
  readonly tls?: Attempt.PerAttempt<Secure.TlsOptions> | undefined
}

/**
 * A transport to one host and port.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): MqttTransport.MqttTransport["Service"] => {
  const { host, port = 8883 } = options
  const problem = hostProblem(host)
  if (problem !== undefined) return Attempt.refusing("mqtts:", "host", problem)
  const endpoint = `mqtts://${Target.authority(host, port)}`
  const connect = Effect.gen(function*() {
    const tls = yield* Attempt.evaluate(options.tls ?? {}, endpoint)
    const plain = yield* ByteStream.tcp({ ...options, port, endpoint })
    const { lost, stream } = yield* Secure.secure(plain, { host, port }, tls, options.drainTimeout)
    return SocketTransport.fromSocket({
      endpoint,
      socket: Secure.toSocket(stream),
      openFailed: (cause) => lost({ cause, hasReceived: false }),
      connectionLost: lost
    })
  })
  return MqttTransport.MqttTransport.of({ endpoint, open: Effect.flatMap(connect, ({ open }) => open) })
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<MqttTransport.MqttTransport> =>
  Layer.succeed(MqttTransport.MqttTransport)(make(options))

/**
 * The files with certificates and keys, PEM.
 *
 * @since 0.1.0
 * @category models
 */
export interface Files extends Omit<Secure.TlsOptions, "ca" | "cert" | "key"> {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

const readFile = (
  option: "ca" | "cert" | "key",
  path: string | undefined
): Effect.Effect<string | undefined, MqttError.MqttError> => {
  if (path === undefined) return Effect.succeed(undefined)
  const description = pathProblem(path)
  if (description !== undefined) {
    return Effect.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option: `tls.${option}`, description })))
  }
  return Effect.tryPromise({
    try: () => Fs.readFile(path, "utf8"),
    catch: (cause) => Attempt.toMqttError(path, cause)
  })
}

/**
 * TLS options with the contents of these files. As the option `tls` it reads them for every attempt, so that a
 * certificate can be renewed without a restart. Fails with `OpenFailed`, which is retryable, if a file cannot be read.
 * An attempt with a file that holds no certificate or key fails with `InvalidMaterial`, which is retryable too.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromFiles = (
  { ca, cert, key, ...options }: Files
): Effect.Effect<Secure.TlsOptions, MqttError.MqttError> =>
  Effect.map(Effect.all([readFile("ca", ca), readFile("cert", cert), readFile("key", key)]), ([ca, cert, key]) => ({
    ...options,
    ca,
    cert,
    key: key === undefined ? undefined : Redacted.make(key)
  }))
