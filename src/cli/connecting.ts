/**
 * From the flags and the environment to a client: the server, the credentials, and the options of CONNECT.
 *
 * A flag wins over the environment, whose names are the same as in `NodeMqttConfig.environment`.
 *
 * @since 0.1.0
 */
import type * as Command from "effect/cli/Command"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type { LogLevel } from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Tls from "node:tls"
import { optional } from "../internal/config.ts"
import { hostProblem, pathProblem } from "../internal/misplacedSecret.ts"
import { credentialsOf } from "../internal/transport/urlCredentials.ts"
import type * as MqttClient from "../MqttClient.ts"
import * as MqttConfig from "../MqttConfig.ts"
import * as ConnectionConfig from "../node/internal/connectionConfig.ts"
import * as PortConfig from "../node/internal/portConfig.ts"
import * as NodeMqtt from "../node/NodeMqtt.ts"
import type * as NodeMqttStore from "../node/NodeMqttStore.ts"
import * as NodeTls from "../node/NodeTls.ts"
import type * as Properties from "../protocol/Properties.ts"
import { connectFrom } from "./binding.ts"
import { Usage } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as PropertyFlags from "./properties.ts"

/**
 * The values of the flags that every command has.
 *
 * @since 0.1.0
 * @category models
 */
export type Input = Command.Command.Config.Infer<typeof Flags.connection>

/**
 * A server and a client of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connecting {
  readonly transport: NodeMqtt.TransportOptions
  readonly client: MqttClient.Options
  readonly store?: NodeMqttStore.Options | undefined
  readonly properties: PropertyFlags.ByPacket
  /** The topic behind the server in `-L`. */
  readonly topic: string | undefined
  /** The server for people, without credentials. */
  readonly server: string
  readonly logLevel: LogLevel
  /** Whether each Control Packet is written on standard error. */
  readonly packets: boolean
}

/**
 * For the commands that publish much. The flag is spelled as `mosquitto_pub` spells it.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxInFlight = Flags.optional(
  Flags.whole("max-inflight", "M", "QoS 1 and 2 messages under way at once; default 1000", {
    minimum: 1,
    maximum: 65_535
  })
)

/** Only the flags that were given: an absent flag must not hide the environment. */
const given = <A extends object>(options: A): A =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as A

// ---------------------------------------------------------------------------
// The server
// ---------------------------------------------------------------------------

interface Server {
  readonly url: string | undefined
  readonly host: string
  readonly port: number | undefined
  readonly username: string | undefined
  readonly password: Redacted.Redacted<string> | undefined
  readonly topic: string | undefined
  /** Several, instead of `url` and `host`. */
  readonly endpoints?: ReadonlyArray<Redacted.Redacted<string>> | undefined
}

const nobody = { username: undefined, password: undefined, topic: undefined }

const environment = Config.all({
  url: optional(Config.Redacted("MQTT_URL")),
  host: optional(Config.String("MQTT_HOST")),
  port: PortConfig.port("MQTT_PORT"),
  tls: Config.nested(ConnectionConfig.tlsFiles, "MQTT"),
  webSocket: Config.nested(ConnectionConfig.webSocket, "MQTT"),
  misspelt: Config.nested(ConnectionConfig.misspelt, "MQTT"),
  endpoints: optional(Config.Redacted("MQTT_ENDPOINTS")),
  endpointPolicy: optional(Config.Literals(["inOrder", "roundRobin", "random"], "MQTT_ENDPOINT_POLICY"))
})

type Environment = Partial<Config.Success<typeof environment>>

/**
 * Whether the environment has any of the variables: to read them all with their misspellings takes longer than the
 * server takes to answer.
 */
const isSaid = ConfigProvider.ConfigProvider.use(({ load }) => load([])).pipe(
  Effect.map((root) => root?._tag !== "Record" || [...root.keys].some((name) => name.startsWith("MQTT"))),
  Effect.orElseSucceed(() => true)
)

const readEnvironment: Effect.Effect<readonly [Environment, MqttClient.Options], Config.ConfigError> = Effect.flatMap(
  isSaid,
  (isSaid) => isSaid ? Effect.all([environment, MqttConfig.environment]) : Effect.succeed([{}, {}])
)

/** Everything behind the first slash is the topic, unchanged, as with mosquitto. A WebSocket has a path there. */
const withTopic = /^((?:mqtts?|tcp|ssl|tls):\/\/[^/]*)(?:\/(.*))?$/is

/** Credentials and topic leave the URL; the rest goes to the transport, which judges it. */
const serverOf = (text: string, isSecure: boolean): Server => {
  const [, authority, topic] = withTopic.exec(text) ?? []
  const rest = { ...nobody, host: "", port: undefined, topic: topic === "" ? undefined : topic }
  const url = URL.canParse(authority ?? text) ? new URL(authority ?? text) : undefined
  const credentials = url === undefined ? undefined : Result.getOrUndefined(credentialsOf(url))
  // A # or ? means that the credentials contain an unescaped character.
  if (url === undefined || credentials === undefined || (authority !== undefined && url.hash + url.search !== "")) {
    return { ...rest, url: authority ?? text }
  }
  const isPlain = /^(mqtt|tcp):$/.test(url.protocol)
  return {
    ...rest,
    url: authority === undefined ? withoutCredentials(url) : isPlain && isSecure
      ? `mqtts://${url.hostname}:${url.port === "" ? 1883 : url.port}`
      : `${url.protocol}//${url.host}`,
    host: url.hostname,
    ...credentials
  }
}

const withoutCredentials = (url: URL): string => {
  const bare = new URL(url)
  bare.username = ""
  bare.password = ""
  return bare.href
}

const findServer = (input: Input, environment: Environment, isSecure: boolean): Server => {
  if (input.url !== undefined) return serverOf(Redacted.value(input.url), isSecure)
  if (input.unix !== undefined) {
    return { ...nobody, url: `unix://${encodeURI(Path.resolve(input.unix))}`, host: "", port: undefined }
  }
  if (input.host === undefined && input.port === undefined && environment.endpoints !== undefined) {
    const urls = Redacted.value(environment.endpoints).split(",").map((url) => url.trim()).filter((url) => url !== "")
    return { ...nobody, url: undefined, host: "", port: undefined, endpoints: urls.map((url) => Redacted.make(url)) }
  }
  const named = input.host ?? (input.port === undefined ? undefined : environment.host ?? "localhost")
  if (named === undefined && environment.url !== undefined) {
    return serverOf(Redacted.value(environment.url), isSecure)
  }
  const host = named ?? environment.host ?? "localhost"
  return {
    ...nobody,
    url: undefined,
    host,
    port: input.port ?? (input.host === undefined ? environment.port : undefined)
  }
}

const nameOf = ({ endpoints, host, port, url }: Server, isSecure: boolean): string =>
  endpoints !== undefined
    ? "the servers of MQTT_ENDPOINTS"
    : url === undefined
    ? `${isSecure ? "mqtts" : "mqtt"}://${host}:${port ?? (isSecure ? 8883 : 1883)}`
    : url.split("?")[0]

// ---------------------------------------------------------------------------
// TLS
// ---------------------------------------------------------------------------

const pem = /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/

const folderOf = async (path: string): Promise<ReadonlyArray<string>> => {
  const names = await Fs.readdir(path)
  const texts = await Promise.all(names.map((name) => Fs.readFile(Path.join(path, name), "utf8").catch(() => "")))
  return texts.filter((text) => pem.test(text))
}

const authoritiesOf = (input: Input, environment: Environment): Effect.Effect<ReadonlyArray<string>, Usage> =>
  Effect.tryPromise({
    try: async () => {
      const file = input.cafile ?? environment.tls?.ca
      const problem = file === undefined ? undefined : pathProblem(file)
      if (problem !== undefined) throw new Error(`the option for their file ${problem}`)
      const sources = [
        ["--cafile, or MQTT_TLS_CA_FILE,", file === undefined ? undefined : [await Fs.readFile(file, "utf8")]],
        ["--capath", input.capath === undefined ? undefined : await folderOf(input.capath)],
        ["--tls-use-os-certs", input.useOsCerts ? Tls.getCACertificates("system") : undefined]
      ] as const
      // Without any certificate Node's own authorities would be trusted.
      const empty = sources.find(([, texts]) => texts !== undefined && !texts.some((text) => pem.test(text)))
      if (empty !== undefined) throw new Error(`${empty[0]} has no certificate`)
      return sources.flatMap(([, texts]) => texts ?? [])
    },
    catch: (cause) => new Usage({ description: `The trusted authorities: ${messageOf(cause)}` })
  })

const messageOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** Whether a flag or a variable implies TLS, as with `mosquitto_pub`. */
const wantsTls = (input: Input, environment: Environment): boolean =>
  input.useOsCerts || [
    input.cafile,
    input.capath,
    input.cert,
    input.key,
    input.alpn,
    input.tlsVersion,
    environment.tls
  ].some((value) => value !== undefined)

const tlsOf = Effect.fnUntraced(function*(input: Input, environment: Environment) {
  const authorities = yield* authoritiesOf(input, environment)
  const options = yield* NodeTls.fromFiles(given({
    ...environment.tls,
    ca: undefined,
    ...given({
      cert: input.cert,
      key: input.key,
      alpnProtocols: input.alpn?.split(","),
      minVersion: input.tlsVersion,
      dangerouslyAcceptAnyCertificate: input.insecure ? true : undefined
    })
  }))
  return authorities.length === 0 ? options : { ...options, ca: authorities }
})

// ---------------------------------------------------------------------------
// The client
// ---------------------------------------------------------------------------

const session = (input: Input, { connect }: PropertyFlags.ByPacket): MqttClient.Options => {
  const expiry = input.sessionExpiry ?? connect.sessionExpiryInterval
  const keeps = (expiry ?? 0) > 0
  if (!input.persistent && !keeps) return {}
  return {
    session: input.persistent ? "persistent" : "cleanStartThenPersistent",
    sessionExpiry: `${expiry ?? 0xffff_ffff} seconds`
  }
}

const will = (input: Input, properties: Properties.Properties): Result.Result<MqttClient.Options, Usage> => {
  const { willPayload, willQos, willRetain, willTopic } = input
  if (willTopic === undefined) {
    return willPayload === undefined && willQos === undefined && !willRetain
      ? Result.succeed({})
      : Result.fail(new Usage({ description: "A Will needs --will-topic" }))
  }
  const { willDelayInterval, ...others } = properties
  return Result.succeed({
    will: {
      topic: willTopic,
      payload: willPayload ?? "",
      qos: willQos,
      retain: willRetain,
      delay: willDelayInterval === undefined ? undefined : `${willDelayInterval} seconds`,
      properties: others
    }
  })
}

const clientId = (input: Input): string | undefined =>
  input.id ?? (input.idPrefix === undefined ? undefined : `${input.idPrefix}${process.pid}`)

/** An answer may take as long as the keep alive at most, and people give short ones. */
const keepAlive = (seconds: number | undefined): MqttClient.Options =>
  seconds === undefined ? {} : {
    keepAlive: `${seconds} seconds`,
    ...(seconds > 0 && seconds < 10 ? { responseTimeout: `${seconds} seconds` } : {})
  }

const contradictions: ReadonlyArray<readonly [(input: Input) => boolean, string]> = [
  [
    ({ host, unix, url }) => [host, unix, url].filter((one) => one !== undefined).length > 1,
    "Give one of -h, -L, --unix"
  ],
  [({ port, url }) => port !== undefined && url !== undefined, "Give the port in -L, or -h and -p"],
  [({ id, idPrefix }) => id !== undefined && idPrefix !== undefined, "Give one of -i and -I"]
]

/**
 * Reads the environment and the files that the flags name. Fails if flags contradict each other.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve = Effect.fnUntraced(function*(input: Input & { readonly maxInFlight?: number | undefined }) {
  const contradiction = contradictions.find(([applies]) => applies(input))
  if (contradiction !== undefined) return yield* new Usage({ description: contradiction[1] })
  const properties = yield* Effect.fromResult(
    Result.mapError(PropertyFlags.parse(input.properties), (description) => new Usage({ description }))
  )
  const [fromEnvironment, known] = yield* readEnvironment
  if (input.persistent && input.id === undefined && (known.clientId === undefined || input.idPrefix !== undefined)) {
    return yield* new Usage({
      description: "-c needs -i or MQTT_CLIENT_ID, because the server finds the session by the client identifier"
    })
  }
  const isSecure = wantsTls(input, fromEnvironment)
  const server = findServer(input, fromEnvironment, isSecure)
  if (server.endpoints !== undefined && (fromEnvironment.url !== undefined || fromEnvironment.host !== undefined)) {
    return yield* new Usage({ description: "Give one of MQTT_URL, MQTT_HOST and MQTT_ENDPOINTS" })
  }
  const misplaced = hostProblem(server.host)
  if (misplaced !== undefined) return yield* new Usage({ description: `The host in -h or MQTT_HOST ${misplaced}` })
  const tls = isSecure || input.insecure ? yield* tlsOf(input, fromEnvironment) : undefined
  const { connect } = properties
  const ofSession = session(input, properties)
  if (ofSession.session !== undefined && input.id === undefined && known.clientId === undefined) {
    return yield* new Usage({
      description: "A kept session needs -i or MQTT_CLIENT_ID, because the server finds it by the client identifier"
    })
  }
  const client = {
    ...given(known),
    ...given({
      protocolVersion: input.protocolVersion ?? known.protocolVersion ?? "auto",
      clientId: clientId(input) ?? known.clientId,
      username: input.username ?? server.username,
      password: input.password ?? server.password,
      maxInFlight: input.maxInFlight,
      receiveMaximum: connect.receiveMaximum,
      maximumPacketSize: connect.maximumPacketSize,
      topicAliasMaximum: connect.topicAliasMaximum,
      userProperties: connect.userProperties
    }),
    ...ofSession,
    ...keepAlive(input.keepAlive),
    ...(yield* Effect.fromResult(will(input, properties.will)))
  } satisfies MqttClient.Options
  const transport: NodeMqtt.TransportOptions = {
    ...(server.endpoints !== undefined
      ? given({ endpoints: server.endpoints, endpointPolicy: fromEnvironment.endpointPolicy })
      : server.url === undefined
      ? { host: server.host, port: server.port }
      : { url: server.url }),
    ...(tls === undefined ? {} : { tls }),
    webSocket: fromEnvironment.webSocket,
    ...(input.bindAddress === undefined ? {} : { connect: connectFrom(input.bindAddress) })
  }
  return {
    client,
    transport,
    properties,
    topic: server.topic,
    server: nameOf(server, isSecure),
    logLevel: input.quiet ? "None" : input.debug || input.packets ? "Debug" : "Warn",
    packets: input.packets && !input.quiet
  } satisfies Connecting as Connecting
})

/**
 * The topics of the flags and of the URL; there must be at least one.
 *
 * @since 0.1.0
 * @category conversions
 */
export const topics = (
  named: string | ReadonlyArray<string> | undefined,
  { topic }: Connecting
): Effect.Effect<readonly [string, ...ReadonlyArray<string>], Usage> => {
  const [first, ...others] = [named ?? [], topic ?? []].flat()
  return first === undefined
    ? Effect.fail(new Usage({ description: "Give the topic with -t" }))
    : Effect.succeed([first, ...others])
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = ({ client, store, transport }: Connecting): ReturnType<typeof NodeMqtt.layer> =>
  NodeMqtt.layer({ ...client, ...transport, store })
