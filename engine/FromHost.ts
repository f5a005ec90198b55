/**
 * What the host gives the client, as effects, schedules and a transport of Effect 4.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { MqttError } from "../src/MqttError.ts"
import { MqttTransport } from "../src/MqttTransport.ts"
import { exitOf, type Start } from "./Outcome.ts"

/** An effect of the host's. Interrupted, it waits until the host's has ended. */
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
      onEnd = () => done(Effect.void)
      stop()
    })
  })

/** A run of a schedule of the host's: how long to wait before the next attempt, milliseconds; `undefined` when there is none. */
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

type Chunks = NonEmptyReadonlyArray<Uint8Array>

/** A network connection of the host's making. */
export interface HostConnection {
  readonly pull: Start<Chunks, MqttError>
  readonly write: (chunks: Chunks) => Start<void, MqttError>
  readonly abort: Start<void, never>
  readonly close: Start<void, never>
}

/** How the host makes network connections. */
export interface HostTransport {
  readonly endpoint: string
  readonly endpoints: number | undefined
  readonly open: Start<HostConnection, MqttError>
  readonly openAt: ((reference: string) => Start<HostConnection, MqttError>) | undefined
}

const opened = (open: Start<HostConnection, MqttError>): MqttTransport["Service"]["open"] =>
  Effect.map(
    Effect.acquireRelease(fromHost(open), ({ close }) => fromHost(close), { interruptible: true }),
    ({ abort, pull, write }) => ({
      pull: fromHost(pull),
      write: (chunks) => fromHost(write(chunks)),
      abort: fromHost(abort)
    })
  )

export const transportFrom = ({ endpoint, endpoints, open, openAt }: HostTransport): MqttTransport["Service"] =>
  MqttTransport.of({
    endpoint,
    endpoints,
    open: opened(open),
    openAt: openAt && ((reference) => opened(openAt(reference)))
  })
