/**
 * When a client in a page connects: at once when the page wakes up or has a network again, and not while it is left.
 *
 * The events are in `page.ts`; `leaving.ts` sends the last packet when the page is left.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { MqttTransport } from "../../MqttTransport.ts"
import * as Page from "./page.ts"

export class Haste {
  /** Open from the event until the attempt that it leads to. */
  readonly #hurry = Latch.makeUnsafe()
  /** Closed while the page is left. */
  readonly #here = Latch.makeUnsafe(true)
  #attempts = 0

  /**
   * Listens for as long as the scope. `check` returns whether there is a live connection, and ends a connection that is
   * dead.
   */
  listen(check: Effect.Effect<boolean>): Effect.Effect<void, never, Scope.Scope> {
    const checked = Effect.suspend(() => {
      const attempts = this.#attempts
      return Effect.map(check, (isUp) => {
        // The next attempt may have begun meanwhile. If that attempt fails, it waits like any other.
        if (!isUp && this.#attempts === attempts) this.#hurry.openUnsafe()
      })
    })
    return Effect.flatMap(Effect.context<never>(), (context) => {
      const run = Effect.runForkWith(context)
      return Page.onAwake(() => void run(checked))
    })
  }

  /** Lets no attempt begin from now on. */
  hold(): void {
    this.#here.closeUnsafe()
  }

  /** Lets an attempt that is due, or waits, begin at once. */
  release(): void {
    this.#here.openUnsafe()
    this.#hurry.openUnsafe()
  }

  /** The transport, watched for attempts. */
  watch(transport: MqttTransport["Service"]): MqttTransport["Service"] {
    const watched = (open: MqttTransport["Service"]["open"]): MqttTransport["Service"]["open"] =>
      Effect.suspend(() => {
        this.#attempts++
        this.#hurry.closeUnsafe()
        return open
      })
    const { openAt } = transport
    return MqttTransport.of({
      ...transport,
      open: watched(transport.open),
      openAt: openAt === undefined ? undefined : (reference) => watched(openAt(reference))
    })
  }

  /**
   * The schedule, whose waiting can be cut short. After that it starts anew, because the network caused the earlier
   * failures.
   */
  cutShort<Input>(schedule: Schedule.Schedule<unknown, Input>): Schedule.Schedule<unknown, Input> {
    const start = Schedule.toStep(schedule)
    const { await: hurried } = this.#hurry
    const { await: here } = this.#here
    return Schedule.fromStep(Effect.map(start, (first) => {
      let step = first
      const restart = Effect.map(start, (fresh) => {
        step = fresh
      })
      return (now: number, input: Input) =>
        Effect.flatMap(step(now, input), ([output, delay]) =>
          Effect.andThen(hurried, restart).pipe(
            Effect.timeoutOrElse({ duration: delay, orElse: () => Effect.void }),
            Effect.andThen(here),
            Effect.as<[unknown, typeof delay]>([output, Duration.zero])
          ))
    }))
  }
}
