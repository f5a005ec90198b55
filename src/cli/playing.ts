/**
 * Publishes the messages of a recording at the pace at which they came, and counts the outcomes.
 *
 * A damaged line and a refused message are reported with the number of their line; the others go on.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { concernsOneMessage } from "../internal/problems.ts"
import type { MqttClient } from "../MqttClient.ts"
import type { MqttError } from "../MqttError.ts"
import * as Recording from "./recording.ts"

type Client = Pick<MqttClient["Service"], "closed" | "publishAsync">

/**
 * How many lines of a recording had which outcome.
 *
 * @since 0.2.0
 * @category models
 */
export interface Counts {
  /** Messages acknowledged, or at QoS 0 handed to the network. */
  published: number
  refused: number
  /** Lines that are no message. */
  damaged: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** How many times as fast as it was recorded; `Infinity` for as fast as the server takes it. */
  readonly speed: number
  /** Incremented while playing. */
  readonly counts: Counts
  /** Shows a sentence to people. */
  readonly tell: (sentence: string) => Effect.Effect<void>
}

/**
 * Computes when a message is due, on the clock of this run. Its distance from the first message is the recorded
 * distance, divided by the speed.
 */
class Pace {
  readonly #speed: number
  #first: { readonly recorded: number; readonly played: number } | undefined

  constructor(speed: number) {
    this.#speed = speed
  }

  /** Waits until the message is due. A late message is published at once, and so is a message whose clock went back. */
  await(recorded: number): Effect.Effect<void> {
    if (this.#speed === Infinity) return Effect.void
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const first = this.#first ??= { recorded, played: now }
      const due = first.played + (recorded - first.recorded) / this.#speed
      return due > now ? Effect.sleep(due - now) : Effect.void
    })
  }
}

interface Playing extends Options {
  readonly pace: Pace
  /** Messages that are taken, and not acknowledged yet. */
  readonly unfinished: FiberSet.FiberSet<void>
  /** A failed acknowledgement that concerns more than one message. */
  failure: MqttError | undefined
}

const publish = (mqtt: Client, playing: Playing, { message, time }: Recording.Recorded, number: number) => {
  const { counts, pace, tell, unfinished } = playing
  const { payload, topic, ...rest } = message
  const failed = (error: MqttError): Effect.Effect<void> => {
    if (concernsOneMessage.has(error.reason._tag)) {
      counts.refused++
      return tell(`line ${number} was refused: ${error.message}`)
    }
    playing.failure ??= error
    return Effect.void
  }
  const acknowledged = () => {
    counts.published++
    return Effect.void
  }
  return Effect.andThen(pace.await(time), mqtt.publishAsync(topic, payload, rest)).pipe(
    Effect.flatMap((acknowledgement) =>
      FiberSet.run(
        unfinished,
        Effect.matchEffect(acknowledgement, { onSuccess: acknowledged, onFailure: failed }),
        { startImmediately: true }
      )
    ),
    Effect.catch(failed),
    Effect.andThen(Effect.suspend(() => playing.failure === undefined ? Effect.void : Effect.fail(playing.failure)))
  )
}

/**
 * Publishes the lines of a recording, no more of them at once than the client's window takes, and completes when each
 * is acknowledged or refused. Fails with an error that concerns more than one message, such as the end of the client.
 *
 * @since 0.2.0
 * @category running
 */
export const play = <E, R>(mqtt: Client, lines: Stream.Stream<Uint8Array, E, R>, options: Options) =>
  Effect.gen(function*() {
    const { counts, speed, tell } = options
    const playing: Playing = {
      ...options,
      pace: new Pace(speed),
      unfinished: yield* FiberSet.make<void>(),
      failure: undefined
    }
    const all = lines.pipe(
      Stream.zipWithIndex,
      Stream.filter(([line]) => line.length > 0),
      Stream.runForEach(([line, index]) => {
        const recorded = Recording.fromLine(line)
        if (Result.isSuccess(recorded)) return publish(mqtt, playing, recorded.success, index + 1)
        counts.damaged++
        return tell(`line ${index + 1} is damaged: ${recorded.failure}`)
      }),
      Effect.andThen(FiberSet.awaitEmpty(playing.unfinished))
    )
    // It may wait for the pace while the client ends.
    yield* Effect.raceFirst(all, Effect.andThen(mqtt.closed, Effect.never))
    if (playing.failure !== undefined) return yield* playing.failure
  }).pipe(Effect.scoped)
