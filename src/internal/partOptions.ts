/**
 * The options of a client that only publishes, and of one that only subscribes: those of `MqttClient` without the ones that
 * would do nothing.
 */
import * as Result from "effect/Result"
import * as MqttError from "../MqttError.ts"
import type { Options } from "./clientOptions.ts"
import { resolve, type Resolved } from "./options.ts"

const publisherLacks = [
  "authentication",
  "buffer",
  "filtersPerSubscribe",
  "metrics",
  "responseTopic",
  "tracing",
  "unclaimedTimeout"
] as const

/**
 * All options of `MqttClient.Options` that concern publishing and the connection.
 *
 * @since 0.2.0
 * @category models
 */
export interface PublisherOptions extends Omit<Options, typeof publisherLacks[number]> {}

const subscriberLacks = [
  "authentication",
  "maxInFlight",
  "metrics",
  "outbox",
  "outgoingTopicAliasMaximum",
  "responseTopic",
  "tracing"
] as const

/**
 * All options of `MqttClient.Options` that concern subscribing and the connection.
 *
 * @since 0.2.0
 * @category models
 */
export interface SubscriberOptions extends Omit<Options, typeof subscriberLacks[number]> {}

/** A program in JavaScript may give an option that only the whole client has. */
const resolveWithout =
  (names: ReadonlyArray<keyof Options>, part: string) =>
  (options: Options): Result.Result<Resolved, MqttError.MqttError> => {
    const option = names.find((name) => options[name] !== undefined)
    if (option === undefined) return resolve(options)
    const description = `is no option of ${part}; use \`MqttClient\``
    return Result.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option, description })))
  }

export const resolvePublisher = resolveWithout(publisherLacks, "`MqttPublisher`")

export const resolveSubscriber = resolveWithout(subscriberLacks, "`MqttSubscriber`")
