/**
 * Enhanced authentication at work. Each connection has one exchange. Further exchanges follow on it when somebody asks,
 * or before the authentication expires.
 *
 * `MqttAuthentication` defines the steps of a method. MQTT 5.0 section 4.12.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Data, Exchange, MqttAuthentication } from "../../../MqttAuthentication.ts"
import * as MqttError from "../../../MqttError.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import type { Properties } from "../../../protocol/Properties.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import * as FailureAnnotations from "../../failureAnnotations.ts"

export interface AuthenticatorOptions {
  readonly authentication: MqttAuthentication
  /** For a whole re-authentication, from beginning to end. */
  readonly timeout: Duration.Duration
}

type Asking = Deferred.Deferred<void, MqttError.MqttError>

/** Milliseconds. Authentications never follow each other faster, even if a token claims a shorter life. */
const shortestPause = 1000

/** Milliseconds, after a re-authentication that could not begin. */
const pauseAfterFailure = { least: 5000, most: 60_000 }

/** Milliseconds. A clock that was set, or a machine that slept, is noticed after this time. */
const longestSleep = 3_600_000

export class Authenticator {
  readonly #authentication: MqttAuthentication
  readonly #timeout: Duration.Duration
  /** The callers that wait for the next exchange, and the function that starts it. */
  readonly #asking = new Set<Asking>()
  #asked = () => {}
  /** The current exchange, or the last one. */
  #exchange: Exchange = {}
  #succeeded: Deferred.Deferred<void> | undefined
  /** When the authentication expires and when to authenticate again, milliseconds since 1970. */
  #expiresAt = Infinity
  #due = Infinity

  constructor({ authentication, timeout }: AuthenticatorOptions) {
    this.#authentication = authentication
    this.#timeout = timeout
  }

  /** Begins the exchange of a new connection. Returns the properties for CONNECT. */
  readonly begin: Effect.Effect<Properties, MqttError.MqttError> = Effect.suspend(() =>
    Effect.map(this.#authentication.start, (exchange) => {
      this.#exchange = exchange
      this.#succeeded = undefined
      return this.#properties(exchange.initial)
    })
  )

  /** Answers an AUTH of the server. */
  readonly answer = (
    { properties: { authenticationData }, reasonCode }: Packet.Auth
  ): Effect.Effect<Packet.Auth | undefined, MqttError.MqttError> => {
    const { next } = this.#exchange
    if (reasonCode === 0x00) return Effect.as(this.#accepted(authenticationData), undefined)
    if (next === undefined) {
      return Effect.fail(this.#failed("the server asks for another step, but this method has none left"))
    }
    return Effect.map(next(redacted(authenticationData)), (data) => this.#auth(0x18, data))
  }

  /** CONNACK ended the exchange well. */
  connected({ properties }: Packet.Connack): Effect.Effect<void, MqttError.MqttError> {
    return this.#accepted(properties.authenticationData)
  }

  #accepted(data: Uint8Array | undefined): Effect.Effect<void, MqttError.MqttError> {
    const { expiresAt = Infinity, succeeded } = this.#exchange
    return Effect.gen({ self: this }, function*() {
      if (succeeded !== undefined) yield* succeeded(redacted(data))
      const now = yield* Clock.currentTimeMillis
      const before = Duration.toMillis(this.#authentication.reauthenticateBefore ?? "30 seconds")
      this.#expiresAt = expiresAt
      this.#due = Math.max(expiresAt - Math.min(before, (expiresAt - now) / 2), now + shortestPause)
      if (this.#succeeded !== undefined) yield* Deferred.succeed(this.#succeeded, undefined)
    })
  }

  /** Authenticates again on this connection, and completes when the server has accepted. */
  request(connection: SessionConnection): Effect.Effect<void, MqttError.MqttError> {
    return Effect.suspend(() => {
      const asking: Asking = Deferred.makeUnsafe()
      this.#asking.add(asking)
      this.#asked()
      return Deferred.await(asking).pipe(
        Effect.raceFirst(connection.ended),
        // A caller that no longer waits asks for nothing.
        Effect.ensuring(Effect.sync(() => this.#asking.delete(asking)))
      )
    })
  }

  /** Authenticates again whenever somebody asks, and in time before the authentication expires. */
  keep(connection: SessionConnection): Effect.Effect<never> {
    return Effect.gen({ self: this }, function*() {
      const isDue = yield* Effect.raceFirst(Effect.as(this.#someAsking, false), Effect.as(this.#expiring, true))
      const waiting = [...this.#asking]
      if (!isDue && waiting.length === 0) return
      this.#asking.clear()
      const exit = yield* Effect.exit(this.#reauthenticate(connection, waiting.length === 0))
      for (const each of waiting) yield* Deferred.done(each, exit)
    }).pipe(Effect.forever)
  }

  get #someAsking(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.#asked = () => resume(Effect.void)
      if (this.#asking.size > 0) this.#asked()
    })
  }

  get #expiring(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      for (let now = yield* Clock.currentTimeMillis; now < this.#due; now = yield* Clock.currentTimeMillis) {
        yield* Effect.sleep(Math.min(this.#due - now, longestSleep))
      }
    })
  }

  /** An error before anything was sent leaves the connection as it is. */
  #reauthenticate(connection: SessionConnection, isAutomatic: boolean): Effect.Effect<void, MqttError.MqttError> {
    return this.#authentication.start.pipe(
      Effect.timeoutOrElse({ duration: this.#timeout, orElse: () => Effect.fail(this.#late) }),
      Effect.flatMap((exchange) => this.#carryOut(exchange, connection)),
      Effect.onError((cause) => isAutomatic ? this.#postpone(cause) : Effect.void)
    )
  }

  #postpone(cause: Cause.Cause<MqttError.MqttError>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const now = yield* Clock.currentTimeMillis
      const { least, most } = pauseAfterFailure
      this.#due = now + Math.min(Math.max((this.#expiresAt - now) / 2, least), most)
      if (!Cause.hasInterruptsOnly(cause)) {
        yield* Effect.annotateLogs(
          Effect.logWarning("Could not authenticate again before the authentication expires", cause),
          FailureAnnotations.ofCause(cause)
        )
      }
    })
  }

  #carryOut(exchange: Exchange, connection: SessionConnection): Effect.Effect<void, MqttError.MqttError> {
    return Effect.suspend(() => {
      const succeeded = Deferred.makeUnsafe<void>()
      this.#exchange = exchange
      this.#succeeded = succeeded
      return connection.send(this.#auth(0x19, exchange.initial)).pipe(
        Effect.andThen(Deferred.await(succeeded)),
        Effect.raceFirst(connection.ended),
        Effect.timeoutOrElse({
          duration: this.#timeout,
          // The server may consider us neither authenticated nor refused.
          orElse: () => Effect.andThen(connection.fail(this.#late, 0x80), Effect.fail(this.#late))
        })
      )
    })
  }

  get #late(): MqttError.MqttError {
    const timeout = Duration.toMillis(this.#timeout)
    return MqttError.fromReason(new MqttError.ConnectTimeout({ timeout, waitingFor: "AUTH" }))
  }

  #failed(description: string): MqttError.MqttError {
    return MqttError.fromReason(
      new MqttError.AuthenticationFailed({ method: this.#authentication.method, description })
    )
  }

  #auth(reasonCode: number, data: Data | undefined): Packet.Auth {
    return { _tag: "Auth", reasonCode, properties: this.#properties(data) }
  }

  #properties(data: Data | undefined): Properties {
    const { method } = this.#authentication
    if (data === undefined) return { authenticationMethod: method }
    const value = Redacted.value(data)
    return {
      authenticationMethod: method,
      authenticationData: typeof value === "string" ? new TextEncoder().encode(value) : value
    }
  }
}

const redacted = (data: Uint8Array | undefined): Redacted.Redacted<Uint8Array> | undefined =>
  data === undefined ? undefined : Redacted.make(data)
