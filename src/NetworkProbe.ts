/**
 * Whether there is a network at all: this tells a broker that is down from a broken way to it.
 *
 * It asks the DNS. To ask the broker, use `brokerUp` of the client.
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
  /** Whether the DNS server answers in time. "No such name" is an answer too. */
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
 * A probe through the `Dns` service of the context, which decides which server is asked.
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
