/**
 * Values of the host as effects, schedules and a transport of Effect 4.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { MqttError } from "../src/MqttError.ts"
import { MqttTransport } from "../src/MqttTransport.ts"
import { exitOf, isEnd, type Outcome, outcomeOf, type Start } from "./Outcome.ts"

/** An effect of the host. If it is interrupted, it waits until the host's effect has ended. */
export const fromHost = <A, E>(start: Start<A, E>): Effect.Effect<A, E> =>
  Effect.callback<A, E>((resume) => {
    let onEnd: (() => void) | undefined
    let hasEnded = false
    const stop = start((outcome) => {
      hasEnded = true
      resume(exitOf(outcome))
      onEnd?.()
    })
    if (hasEnded) return
    return Effect.callback<void>((done) => {
      if (hasEnded) return done(Effect.void)
      onEnd = () => done(Effect.void)
      stop()
    })
  })

/** A value of the host that has to be closed. */
export interface Opened<A> {
  readonly value: A
  readonly close: (outcome: Outcome<unknown, unknown>) => Start<void, never>
}

/** An effect of the host that opens a value. The value is closed with the scope, or at once if nobody wants it any more. */
export const scopedFromHost = <A, E>(start: Start<Opened<A>, E>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      // An interruption in the turn in which the host is through leaves the fiber without what was opened.
      let opened: Opened<A> | undefined
      const opening: Start<Opened<A>, E> = (done) =>
        start((outcome) => {
          if (outcome._tag === "Success") opened = outcome.value
          done(outcome)
        })
      return Effect.matchCauseEffect(restore(fromHost(opening)), {
        onSuccess: ({ close, value }) =>
          Effect.as(Effect.addFinalizer((exit) => fromHost(close(outcomeOf(exit)))), value),
        onFailure: (cause) => {
          const failure = Effect.failCause(cause)
          return opened === undefined
            ? failure
            : Effect.andThen(fromHost(opened.close(outcomeOf(Exit.failCause(cause)))), failure)
        }
      })
    })
  )

/** One run of a schedule of the host: milliseconds until the next attempt, or `undefined` if there is none. */
export type Step<Input> = (now: number, input: Input) => Effect.Effect<number | undefined, unknown>

export const scheduleFrom = <Input>(begin: () => Step<Input>): Schedule.Schedule<unknown, Input, unknown> =>
  Schedule.fromStep(Effect.sync(() => {
    const step = begin()
    return (now: number, input: Input) =>
      Effect.flatMap(step(now, input), (delay) =>
        delay === undefined
          ? Cause.done<unknown>(undefined)
          : Effect.succeed<[unknown, Duration.Duration]>([undefined, Duration.millis(delay)]))
  }))

/** The steps of one run of a schedule, for the host. */
export const stepsOf = <Input>(schedule: Schedule.Schedule<unknown, Input>): Effect.Effect<Step<Input>> =>
  Effect.map(Schedule.toStep(schedule), (step) => (now, input) =>
    Effect.catchCause(
      Effect.map(step(now, input), ([, delay]): number | undefined => Duration.toMillis(delay)),
      (cause) => cause.reasons.some(isEnd) ? Effect.undefined : Effect.failCause(cause)
    ))

type Chunks = NonEmptyReadonlyArray<Uint8Array>

/** A network connection that the host has made. */
export interface HostConnection {
  readonly pull: Start<Chunks, MqttError>
  readonly write: (chunks: Chunks) => Start<void, MqttError>
  readonly abort: Start<void, never>
}

/** How the host makes network connections. */
export interface HostTransport {
  readonly endpoint: string
  readonly endpoints: number | undefined
  readonly open: Start<Opened<HostConnection>, MqttError>
  readonly openAt: ((reference: string) => Start<Opened<HostConnection>, MqttError>) | undefined
}

const opened = (open: Start<Opened<HostConnection>, MqttError>): MqttTransport["Service"]["open"] =>
  Effect.map(scopedFromHost(open), ({ abort, pull, write }) => ({
    pull: fromHost(pull),
    write: (chunks) => fromHost(write(chunks)),
    abort: fromHost(abort)
  }))

export const transportFrom = ({ endpoint, endpoints, open, openAt }: HostTransport): MqttTransport["Service"] =>
  MqttTransport.of({
    endpoint,
    endpoints,
    open: opened(open),
    openAt: openAt && ((reference) => opened(openAt(reference)))
  })
