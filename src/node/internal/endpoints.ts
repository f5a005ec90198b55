/**
 * The servers a client is given, and the transport that goes to them in turn.
 *
 * Everything an attempt needs is obtained anew for it: addresses, certificates and headers.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Credentials } from "../../internal/clientOptions.ts"
import { defaults } from "../../internal/defaults.ts"
import { harmless } from "../../internal/harmlessText.ts"
import * as MisplacedSecret from "../../internal/misplacedSecret.ts"
import * as OptionNames from "../../internal/optionNames.ts"
import * as Attempt from "../../internal/transport/attempt.ts"
import * as MqttError from "../../MqttError.ts"
import type { MqttTransport, NetworkConnection } from "../../MqttTransport.ts"
import * as NodeTcp from "../NodeTcp.ts"
import * as NodeTls from "../NodeTls.ts"
import * as NodeUnix from "../NodeUnix.ts"
import * as NodeWebSocket from "../NodeWebSocket.ts"
import type { Connect } from "./byteStream.ts"
import * as EndpointChoice from "./endpointChoice.ts"
import * as Secure from "./secure.ts"
import * as Target from "./target.ts"
import * as WebSocket from "./webSocket.ts"

type Url = string | Redacted.Redacted<string>

/**
 * One server. The client's options fill in everything left out here.
 *
 * @since 0.1.0
 * @category models
 */
export interface Endpoint {
  readonly url?: Attempt.PerAttempt<string | Redacted.Redacted<string>> | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly tls?: Attempt.PerAttempt<Secure.TlsOptions> | undefined
  readonly webSocket?: Attempt.PerAttempt<WebSocket.WebSocketOptions> | undefined
  readonly connect?: Connect | undefined
}

export type Listed = Url | Endpoint

export interface Options extends Endpoint {
  readonly endpoints?: Attempt.PerAttempt<ReadonlyArray<Listed>> | undefined
  readonly endpointPolicy?: EndpointChoice.EndpointPolicy | undefined
  readonly stableAfter?: Duration.Input | undefined
  readonly connectTimeout?: Duration.Input | undefined
  readonly drainTimeout?: Duration.Input | undefined
  readonly maximumPacketSize?: number | undefined
}

// ---------------------------------------------------------------------------
// Reading the options
// ---------------------------------------------------------------------------

const invalid = (option: string, description: string): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.InvalidOptions({ option, description }))

type Resolved<A> = Result.Result<A, MqttError.MqttError>

const toEndpoint = (listed: Listed): Endpoint =>
  typeof listed === "string" || Redacted.isRedacted(listed) ? { url: listed } : listed

/** The name of an option of the only server, or of one among several. */
const named = (option: string, index: number | undefined): string =>
  index === undefined ? option : `endpoints[${index}].${option}`

/** A variable that holds no number, see `portConfig.ts`. */
const noPort =
  "is not a number. If it begins with tcp://, Kubernetes has set it, as it sets MQTT_PORT for a Service with the " +
  "name mqtt: name the server by its URL, or set `enableServiceLinks: false` for the pod"

/** The target of a server whose URL is known. */
const targetOf = ({ host, port, tls }: Endpoint, url: Url | undefined, index?: number): Resolved<Target.Target> => {
  const option = (name: string) => named(name, index)
  if (Number.isNaN(port)) return Result.fail(invalid(option("port"), noPort))
  if (port !== undefined && !Target.isPort(port)) {
    return Result.fail(invalid(option("port"), `${port} is not a port from 1 to 65535`))
  }
  if (url === undefined) {
    const problem = host === undefined ? undefined : MisplacedSecret.hostProblem(host)
    if (problem !== undefined) return Result.fail(invalid(option("host"), problem))
    if (host === "") return Result.fail(invalid(option("host"), "is empty"))
    return Result.succeed(
      Target.at(tls === undefined ? "mqtt" : "mqtts", Target.withoutBrackets(host ?? "localhost"), port)
    )
  }
  return Result.match(Target.parse(Redacted.isRedacted(url) ? Redacted.value(url) : url), {
    onFailure: (description) => Result.fail(invalid(option("url"), description)),
    onSuccess: (target) =>
      // A server for which TLS is configured is never reached without it.
      tls === undefined || Target.isSecure(target)
        ? Result.succeed(port === undefined ? target : { ...target, port })
        : Result.fail(invalid(option("tls"), `is given, but ${target.scheme}: has no TLS; use mqtts: or wss:`))
  })
}

/** Checks an endpoint's options, as far as they are known before the first attempt. */
const checkEndpoint = (endpoint: Endpoint, index?: number): MqttError.MqttError | undefined => {
  const { host, tls, url, webSocket } = endpoint
  if (url !== undefined && host !== undefined) {
    return invalid(named("url", index), "is given together with `host`; give only one of them")
  }
  if (tls !== undefined && !Effect.isEffect(tls)) {
    const problem = Secure.check(tls)
    if (problem !== undefined) return invalid(named("tls", index), problem)
  }
  const problem = webSocket === undefined || Effect.isEffect(webSocket) ? undefined : WebSocket.check(webSocket)
  if (problem !== undefined) return invalid(named("webSocket", index), problem)
  if (Effect.isEffect(url)) return undefined
  const target = targetOf(endpoint, url, index)
  return Result.isFailure(target) ? target.failure : undefined
}

const names: OptionNames.Names<Endpoint> = {
  url: true,
  host: true,
  port: true,
  tls: true,
  webSocket: true,
  connect: true
}

const isGiven = ({ host, port, url }: Endpoint): boolean =>
  url !== undefined || host !== undefined || port !== undefined

/** The servers that are known beforehand, each with the client's options for all of them. */
const listOf = (options: Options, endpoints: ReadonlyArray<Listed>): Resolved<ReadonlyArray<Endpoint>> => {
  const { connect, tls, webSocket } = options
  const list = endpoints.map(toEndpoint)
  if (list.length === 0) return Result.fail(invalid("endpoints", "is empty"))
  for (const [index, endpoint] of list.entries()) {
    const unknown = OptionNames.problem(endpoint, names)
    const problem = unknown === undefined
      ? checkEndpoint(endpoint, index)
      : invalid(`endpoints[${index}]`, unknown)
    if (problem !== undefined) return Result.fail(problem)
  }
  const servers = list.map((endpoint) => ({ connect, webSocket, ...sharedTls(endpoint, tls), ...endpoint }))
  return tls === undefined || servers.some((endpoint) => endpoint.tls !== undefined)
    ? Result.succeed(servers)
    : Result.fail(invalid("tls", "is given, but no endpoint uses TLS; use mqtts:// or wss://"))
}

/**
 * The TLS options for all servers apply only to the servers with TLS. A server without a URL has TLS if the options are
 * given.
 */
const sharedTls = (endpoint: Endpoint, tls: Endpoint["tls"]): Pick<Endpoint, "tls"> => {
  const { url } = endpoint
  if (url === undefined || Effect.isEffect(url)) return { tls }
  const target = targetOf(endpoint, url)
  return Result.isSuccess(target) && Target.isSecure(target.success) ? { tls } : {}
}

type Known = Effect.Effect<ReadonlyArray<Endpoint>, MqttError.MqttError>

interface Servers {
  readonly endpoints: Known
  /** How many servers there are, as far as it is known. */
  readonly count: number
  /** A name for people. */
  readonly endpoint: string
  /** The target of the only server, if it is known. */
  readonly only: Target.Target | undefined
}

const fixed = (list: ReadonlyArray<Endpoint>): Resolved<Servers> =>
  Result.map(
    Result.all(list.map((endpoint) => {
      const { url } = endpoint
      return Effect.isEffect(url) ? Result.succeed(undefined) : targetOf(endpoint, url)
    })),
    (targets) => ({
      endpoints: Effect.succeed(list),
      count: list.length,
      endpoint: targets.map((target) => target === undefined ? byEffect : Target.endpointOf(target)).join(", "),
      only: targets.length === 1 ? targets[0] : undefined
    })
  )

const byEffect = "an endpoint that is obtained for each attempt"

const serversOf = (options: Options): Resolved<Servers> => {
  const { endpoints } = options
  if (endpoints === undefined) {
    if (options.endpointPolicy !== undefined) {
      return Result.fail(invalid("endpointPolicy", "does nothing without `endpoints`"))
    }
    const problem = checkEndpoint(options)
    return problem === undefined ? fixed([options]) : Result.fail(problem)
  }
  if (isGiven(options)) {
    return Result.fail(invalid("endpoints", "is given together with `url`, `host` or `port`; leave those out"))
  }
  if (!Effect.isEffect(endpoints)) return Result.flatMap(listOf(options, endpoints), fixed)
  const evaluated = Effect.flatMap(
    Attempt.evaluate(endpoints, byEffect),
    (list) => Effect.fromResult(listOf(options, list))
  )
  return Result.succeed({ endpoints: evaluated, count: 1, endpoint: byEffect, only: undefined })
}

// ---------------------------------------------------------------------------
// Attempts
// ---------------------------------------------------------------------------

/** The server of an attempt. */
interface Choice {
  readonly endpoint: Endpoint
  readonly target: Target.Target
}

const transportTo = ({ endpoint, target }: Choice, options: Options): MqttTransport["Service"] => {
  const { connect, tls = {} } = endpoint
  const { drainTimeout } = options
  const { host, path, port, scheme } = target
  switch (scheme) {
    case "mqtt":
      return NodeTcp.make({ host, port, connect, drainTimeout })
    case "mqtts":
      return NodeTls.make({ host, port, tls, connect, drainTimeout })
    case "unix":
      return NodeUnix.make({ path, drainTimeout })
    case "ws":
    case "wss": {
      const webSocket = Effect.map(
        Attempt.evaluate(endpoint.webSocket ?? {}, Target.endpointOf(target)),
        (settings) => ({ ...settings, maximumFrameSize: settings.maximumFrameSize ?? frameSizeFor(options) })
      )
      return NodeWebSocket.make({
        host,
        port,
        path,
        webSocket,
        connect,
        drainTimeout,
        ...(scheme === "wss" ? { tls } : {})
      })
    }
  }
}

/** A frame may hold several packets, and a server that gathers them does not know our limit for one. */
const frameSizeFor = ({ maximumPacketSize = defaults.maximumPacketSize }: Options): number =>
  Math.max(4 * maximumPacketSize, 65_536)

/** A name that was set for the old server does not apply to the new one, whose certificate is checked for its own. */
const withoutServername = (tls: Endpoint["tls"], endpoint: string): Endpoint["tls"] =>
  tls === undefined ? undefined : Effect.map(Attempt.evaluate(tls, endpoint), (settings) => ({
    ...settings,
    servername: undefined
  }))

export interface Endpoints {
  readonly transport: MqttTransport["Service"]
  /** The target of the only server, if it is known before the first attempt. */
  readonly only: Target.Target | undefined
  /** User name and password from the URL of the next server. Reading them chooses that server. */
  readonly credentials: Effect.Effect<Credentials, MqttError.MqttError>
}

class Client implements Endpoints {
  readonly #options: Options
  readonly #servers: Servers
  readonly #choice: EndpointChoice.EndpointChoice
  #chosen: Choice | undefined
  readonly transport: MqttTransport["Service"]

  constructor(options: Options, servers: Servers) {
    this.#options = options
    this.#servers = servers
    this.#choice = EndpointChoice.make(options.endpointPolicy ?? "inOrder", options.stableAfter)
    this.transport = {
      endpoint: servers.endpoint,
      endpoints: servers.count,
      open: Effect.suspend(() => Effect.flatMap(this.#current, (choice) => this.#open(choice))),
      openAt: (references) => Effect.flatMap(this.#current, (base) => this.#openFirst(base, references))
    }
  }

  get only(): Target.Target | undefined {
    return this.#servers.only
  }

  get #next(): Effect.Effect<Choice, MqttError.MqttError> {
    const next = Effect.gen({ self: this }, function*() {
      const list = yield* this.#servers.endpoints
      const endpoint = list[yield* this.#choice.next(list.length)]
      const { url } = endpoint
      const known = url === undefined ? undefined : yield* Attempt.evaluate(url, byEffect)
      return { endpoint, target: yield* Effect.fromResult(targetOf(endpoint, known)) }
    })
    // The URL of the only server is known, so no effect of the program can take long.
    return this.only === undefined ? this.#inTime(next) : next
  }

  /** If an effect of the program never ended, it would keep the client from ever trying again. */
  #inTime<A>(effect: Effect.Effect<A, MqttError.MqttError>): Effect.Effect<A, MqttError.MqttError> {
    const timeout = Duration.toMillis(this.#options.connectTimeout ?? defaults.connectTimeout)
    return Effect.timeoutOrElse(effect, {
      duration: timeout,
      orElse: () => Effect.fail(MqttError.fromReason(new MqttError.ConnectTimeout({ timeout, waitingFor: "network" })))
    })
  }

  /** The server of a new attempt. A client that is connected keeps its server. */
  get #choose(): Effect.Effect<Choice, MqttError.MqttError> {
    return this.#chosen !== undefined && this.#choice.isConnected ? Effect.succeed(this.#chosen) : this.#next
  }

  get credentials(): Effect.Effect<Credentials, MqttError.MqttError> {
    return Effect.map(Effect.suspend(() => this.#choose), (choice) => {
      this.#chosen = choice
      const { password, username } = choice.target
      return { username, password }
    })
  }

  /** The server of this attempt: the server that the credentials were chosen for, if anybody asked for them. */
  get #current(): Effect.Effect<Choice, MqttError.MqttError> {
    return Effect.suspend(() => this.#chosen === undefined ? this.#next : Effect.succeed(this.#chosen))
  }

  #open(choice: Choice): Effect.Effect<NetworkConnection, MqttError.MqttError, Scope.Scope> {
    return Effect.flatMap(transportTo(choice, this.#options).open, (network) => this.#choice.opened(network))
  }

  #openFirst(base: Choice, references: string): Effect.Effect<NetworkConnection, MqttError.MqttError, Scope.Scope> {
    const [first, ...others] = references.trim().split(/ +/)
    return others.reduce(
      (opening, reference) => Effect.catch(opening, () => this.#openAt(base, reference)),
      this.#openAt(base, first)
    )
  }

  #openAt(base: Choice, reference: string): Effect.Effect<NetworkConnection, MqttError.MqttError, Scope.Scope> {
    return Result.match(Target.refer(base.target, reference), {
      onFailure: (problem) => Effect.fail(Attempt.toMqttError(harmless(reference), new Error(problem))),
      onSuccess: (target) => {
        const tls = withoutServername(base.endpoint.tls, Target.endpointOf(target))
        return this.#open({ target, endpoint: { ...base.endpoint, tls } })
      }
    })
  }
}

/**
 * Checks the options about the servers, and makes a transport to them. It remembers whose turn it is, so every client
 * needs its own transport.
 */
export const make = (options: Options): Resolved<Endpoints> =>
  Result.map(serversOf(options), (servers) => new Client(options, servers))
