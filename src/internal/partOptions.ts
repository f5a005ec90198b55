/**
 * The options of three smaller clients: without subscribing, without publishing, and without spans and metrics. Each
 * has the options of `MqttClient` except those it could not use.
 */
import * as Result from "effect/Result"
import * as MqttError from "../MqttError.ts"
import type { Options } from "./clientOptions.ts"
import { resolve, type Resolved } from "./options.ts"

/**
 * All options of `MqttClient.Options` that concern publishing and the connection.
 *
 * @since 0.2.0
 * @category models
 */
export interface PublisherOptions extends
  Omit<
    Options,
    | "authentication"
    | "buffer"
    | "filtersPerSubscribe"
    | "metrics"
    | "responseTopic"
    | "tracing"
    | "unclaimedTimeout"
  >
{}

/**
 * All options of `MqttClient.Options` that concern subscribing and the connection.
 *
 * @since 0.2.0
 * @category models
 */
export interface SubscriberOptions extends
  Omit<
    Options,
    | "authentication"
    | "maxInFlight"
    | "metrics"
    | "outbox"
    | "outgoingTopicAliasMaximum"
    | "responseTopic"
    | "tracing"
  >
{}

/**
 * All options of `MqttClient.Options` except `metrics` and `tracing`.
 *
 * @since 0.2.0
 * @category models
 */
export interface UnobservedOptions extends Omit<Options, "metrics" | "tracing"> {}

/** The options that such a client lacks; the compiler checks that none is missing here. */
type Lacks<Part> = { readonly [Name in Exclude<keyof Options, keyof Part>]: true }

const publisherLacks: Lacks<PublisherOptions> = {
  authentication: true,
  buffer: true,
  filtersPerSubscribe: true,
  metrics: true,
  responseTopic: true,
  tracing: true,
  unclaimedTimeout: true
}

const subscriberLacks: Lacks<SubscriberOptions> = {
  authentication: true,
  maxInFlight: true,
  metrics: true,
  outbox: true,
  outgoingTopicAliasMaximum: true,
  responseTopic: true,
  tracing: true
}

const unobservedLacks: Lacks<UnobservedOptions> = { metrics: true, tracing: true }

interface Without {
  readonly lacks: { readonly [name: string]: true }
  readonly part: string
  /** Default: `MqttClient`. */
  readonly whole?: string
}

/** A program in JavaScript may give an option that only the whole client has. */
const resolveWithout = (
  options: Options,
  { lacks, part, whole = "MqttClient" }: Without
): Result.Result<Resolved, MqttError.MqttError> =>
  // Reports the errors of any client first, such as options that are no object.
  Result.flatMap(resolve(options), (resolved) => {
    const option = Object.keys(lacks).find((name) => Reflect.get(options, name) !== undefined)
    if (option === undefined) return Result.succeed(resolved)
    const description = `is not an option of \`${part}\`; use \`${whole}\``
    return Result.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option, description })))
  })

export const resolvePublisher = (options: Options) =>
  resolveWithout(options, { lacks: publisherLacks, part: "MqttPublisher" })

export const resolveSubscriber = (options: Options) =>
  resolveWithout(options, { lacks: subscriberLacks, part: "MqttSubscriber" })

/** For the modules in which `layer` loads neither spans nor metrics, and `layerObserved` loads both. */
export const resolveUnobserved = (options: Options, module: string) =>
  resolveWithout(options, { lacks: unobservedLacks, part: `${module}.layer`, whole: `${module}.layerObserved` })
