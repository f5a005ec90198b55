/**
 * The messages of a command about its connections, on standard error, as `-d`, `--packets` and `--quiet` choose.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as MqttPackets from "../MqttPackets.ts"
import type { Connecting } from "./connecting.ts"
import * as Output from "./output.ts"

/**
 * Wraps every effect that connects.
 *
 * @since 0.2.0
 * @category combinators
 */
export const told = ({ logLevel, packets }: Connecting) => <A, E, R>(self: Effect.Effect<A, E, R>) =>
  self.pipe(
    packets ? Effect.provide(MqttPackets.layer({ write: Output.note })) : (self) => self,
    Effect.provideService(References.MinimumLogLevel, logLevel)
  )
