/**
 * Whether there is a network at all, which tells a broker that is down from a way to it that is cut.
 *
 * It asks the DNS, not the broker: that is `brokerUp` of the client.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"

/**
 * @since 0.1.0
 * @category services
 */
export class NetworkProbe extends Context.Service<NetworkProbe, {
  /** Whether the DNS server answers in time; that the name does not exist is an answer. */
  readonly wanOk: Effect.Effect<boolean>
}>()("effect-mqtt/NetworkProbe") {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** A name to ask for. Default: `example.com`. */
  readonly name?: string | undefined
  /** Default: 1 second. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * A probe through whatever `Dns` there is; which server is asked is that service's.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<NetworkProbe["Service"], never, Dns.Dns> =>
  Effect.map(Dns.Dns, (dns) =>
    NetworkProbe.of({
      wanOk: dns.resolve(options.name ?? "example.com", "A").pipe(
        Effect.as(true),
        Effect.catch((error) => Effect.succeed(error.reason === "NotFound")),
        Effect.timeoutOrElse({ duration: options.timeout ?? "1 second", orElse: () => Effect.succeed(false) })
      )
    }))

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<NetworkProbe, never, Dns.Dns> =>
  Layer.effect(NetworkProbe, make(options))
