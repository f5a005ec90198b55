/**
 * The options of a client that only publishes, and of one that only subscribes: those of `MqttClient` without the ones that
 * would do nothing.
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

/** The options that a client with these lacks: the compiler misses none. */
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

/** A program in JavaScript may give an option that only the whole client has. */
const resolveWithout =
  (lacks: { readonly [name: string]: true }, part: string) =>
  (options: Options): Result.Result<Resolved, MqttError.MqttError> =>
    // First what any client refuses, such as options that are no object.
    Result.flatMap(resolve(options), (resolved) => {
      const option = Object.keys(lacks).find((name) => Reflect.get(options, name) !== undefined)
      if (option === undefined) return Result.succeed(resolved)
      const description = `is no option of ${part}; use \`MqttClient\``
      return Result.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option, description })))
    })

export const resolvePublisher = resolveWithout(publisherLacks, "`MqttPublisher`")

export const resolveSubscriber = resolveWithout(subscriberLacks, "`MqttSubscriber`")
