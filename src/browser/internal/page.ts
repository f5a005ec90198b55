/**
 * What the browser knows of the network and of the page's end, and what a client makes of it.
 *
 * Without such events, as in a worker of some browsers, nothing is missing but the haste.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { MqttTransport } from "../../MqttTransport.ts"

/** The window or the worker, where there is one. */
const page = (): EventTarget | undefined => typeof globalThis.addEventListener === "function" ? globalThis : undefined

const listen = (type: string, listener: (event: Event) => void): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    const target = page()
    if (target === undefined) return Effect.void
    return Effect.acquireRelease(
      Effect.sync(() => target.addEventListener(type, listener)),
      () => Effect.sync(() => target.removeEventListener(type, listener))
    )
  })

/** A page that may come back, as by the browser's "back", has not ended; the browser closes its WebSockets itself. */
const isKept = (event: Event): boolean => "persisted" in event && event.persisted === true

/** Runs when the page is closed or left for good. Only what needs no wait has an effect then. */
export const onEnd = (last: () => void): Effect.Effect<void, never, Scope.Scope> =>
  listen("pagehide", (event) => {
    if (!isKept(event)) last()
  })

/** Ends the waiting for the next attempt when the browser has a network again. */
export class Haste {
  /** Open from the event until the attempt that it leads to. */
  readonly #latch = Latch.makeUnsafe()
  #isConnected = false

  /** For as long as the scope. */
  readonly listen: Effect.Effect<void, never, Scope.Scope> = Effect.andThen(
    // A connection that is there lost nothing: the next loss is to wait like any other.
    listen("online", () => this.#isConnected || this.#latch.openUnsafe()),
    // That of a page that was kept is gone, even if it has not been told yet.
    listen("pageshow", (event) => isKept(event) && this.#latch.openUnsafe())
  )

  /** The transport, watched for attempts and connections. */
  watch(transport: MqttTransport["Service"]): MqttTransport["Service"] {
    const watched = (open: MqttTransport["Service"]["open"]): MqttTransport["Service"]["open"] =>
      Effect.gen({ self: this }, function*() {
        this.#latch.closeUnsafe()
        const connection = yield* open
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            this.#isConnected = true
          }),
          () =>
            Effect.sync(() => {
              this.#isConnected = false
            })
        )
        return connection
      })
    const { openAt } = transport
    return MqttTransport.of({
      ...transport,
      open: watched(transport.open),
      openAt: openAt === undefined ? undefined : (reference) => watched(openAt(reference))
    })
  }

  /** The schedule with its waiting cut short, after which it starts anew: the failures before were the network's. */
  cutShort<Input>(schedule: Schedule.Schedule<unknown, Input>): Schedule.Schedule<unknown, Input> {
    const start = Schedule.toStep(schedule)
    const { await: hurried } = this.#latch
    return Schedule.fromStep(Effect.map(start, (first) => {
      let step = first
      const restart = Effect.map(start, (fresh) => {
        step = fresh
      })
      return (now: number, input: Input) =>
        Effect.flatMap(step(now, input), ([output, delay]) =>
          Effect.andThen(hurried, restart).pipe(
            Effect.timeoutOrElse({ duration: delay, orElse: () => Effect.void }),
            Effect.as<[unknown, typeof delay]>([output, Duration.zero])
          ))
    }))
  }
}
