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

/** A worker has none. */
const visible = (): Document | undefined => globalThis.document

const listen = (
  type: string,
  listener: (event: Event) => void,
  of: () => EventTarget | undefined = page
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    const target = of()
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

/** Runs when the page is left and kept by the browser. Only what needs no wait has an effect then. */
export const onKept = (leave: () => void): Effect.Effect<void, never, Scope.Scope> =>
  listen("pagehide", (event) => {
    if (isKept(event)) leave()
  })

/** Firefox closes the WebSockets of a page that is left before it says so with `pagehide`. Only it has this property. */
const closesEarly = (): boolean => "mozInnerScreenX" in globalThis

/** How long a page that was to be left may be still there before it counts as one that stays, milliseconds. */
const mayStay = 5000

/** Runs where `onEnd` would come too late: just before the page is left, which it may yet not be; then `stays` runs. */
export const beforeEnd = (leave: () => void, stays: () => void): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    if (!closesEarly()) return Effect.void
    let timer: ReturnType<typeof setTimeout> | undefined
    const leaving = listen("beforeunload", () => {
      leave()
      clearTimeout(timer)
      timer = setTimeout(stays, mayStay)
    })
    return Effect.andThen(leaving, Effect.addFinalizer(() => Effect.sync(() => clearTimeout(timer))))
  })

/**
 * What a page does when it may have slept, or when there is a network again: its connection is checked, or the waiting for
 * the next attempt ends.
 */
export class Haste {
  /** Open from the event until the attempt that it leads to. */
  readonly #latch = Latch.makeUnsafe()
  /** Closed while the page is away: no attempt begins then. */
  readonly #here = Latch.makeUnsafe(true)
  #isConnected = false
  /** There once the client is. */
  #check: (() => void) | undefined

  /** For as long as the scope. */
  readonly listen: Effect.Effect<void, never, Scope.Scope> = Effect.all([
    listen("online", () => this.#awake()),
    listen("visibilitychange", () => visible()?.visibilityState === "visible" && this.#awake(), visible),
    // After a freeze, also of a page that stays hidden.
    listen("resume", () => this.#awake(), visible),
    // The connection of a page that was kept is gone, even if it has not been told yet.
    listen("pageshow", (event) => {
      if (!isKept(event)) return
      this.back()
      this.#check?.()
    })
  ], { discard: true })

  #awake(): void {
    if (this.#isConnected) this.#check?.()
    else this.#latch.openUnsafe()
  }

  /** The page is left: the next attempt waits until it is back. */
  away(): void {
    this.#here.closeUnsafe()
  }

  /** The page is there again, or still. */
  back(): void {
    this.#here.openUnsafe()
    this.#latch.openUnsafe()
  }

  /** Asks with `check` whether the server answers. A connection that is replaced for that is replaced at once. */
  checkWith(check: Effect.Effect<boolean>, run: (effect: Effect.Effect<void>) => void): void {
    const checked = Effect.map(check, () => {
      if (!this.#isConnected) this.#latch.openUnsafe()
    })
    this.#check = () => run(checked)
  }

  /** The transport, watched for attempts and connections. */
  watch(transport: MqttTransport["Service"]): MqttTransport["Service"] {
    const watched = (open: MqttTransport["Service"]["open"]): MqttTransport["Service"]["open"] =>
      Effect.gen({ self: this }, function*() {
        yield* this.#here.await
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
