/**
 * The part of the program that runs the steps of `Call`, and notes everything that happens to it.
 */
import {
  Cause,
  type Clock,
  Deferred,
  Effect,
  Exit,
  Option,
  References,
  Result,
  Schema,
  type Scope,
  Stream,
  SubscriptionRef
} from "effect"
import * as MqttClient from "../../../src/MqttClient.ts"
import { MqttError, MqttRejected } from "../../../src/MqttError.ts"
import type { MqttMessage } from "../../../src/MqttMessage.ts"
import * as MqttTopic from "../../../src/MqttTopic.ts"
import type { Ended } from "../Ended.ts"
import { type Call, idOf, type Observations, payloadOf } from "../Observations.ts"
import type { CallAction, DeadLetter, Inside, Wish } from "./Call.ts"
import type { Guest, Point, Requested, Taken } from "./Seen.ts"
import { Worker } from "./Worker.ts"

type Client = MqttClient.MqttClient["Service"]
type ActionOf<Tag extends CallAction["_tag"]> = Extract<CallAction, { readonly _tag: Tag }>

const One = MqttTopic.make("call/one/{name}", { payload: Schema.FiniteFromString })
const Other = MqttTopic.make("call/other/{name}", { payload: Schema.FiniteFromString })
const templates = { one: One, other: Other }

const deadLetters = (template: "one" | "other"): { readonly [Name in DeadLetter]: string | (() => string) } => ({
  accepted: "dead/accepted",
  refused: "dead/refused",
  wildcard: () => "dead/#",
  itself: () => `call/${template}/dead`,
  "the other": template === "one" ? "call/other/dead" : "call/one/dead"
})

export interface CallerOptions {
  readonly client: Client
  readonly observations: Observations
  readonly clock: Clock.Clock
  readonly scope: Scope.Scope
  readonly nextId: () => number
}

export class Caller {
  readonly #client: Client
  readonly #observations: Observations
  readonly #clock: Clock.Clock
  readonly #scope: Scope.Scope
  readonly #nextId: () => number
  readonly #worker: Worker
  readonly #attempted = new Set<number>()
  #order = 0
  isStopping = false

  constructor({ client, clock, nextId, observations, scope }: CallerOptions) {
    this.#client = client
    this.#observations = observations
    this.#clock = clock
    this.#scope = scope
    this.#worker = new Worker({
      client,
      observations,
      point: () => this.point(),
      endOf: (exit) => this.#endOf(exit)
    })
    this.#nextId = nextId
  }

  get #seen() {
    return this.#observations.seen
  }

  get #isHurrying(): boolean {
    return this.#seen.hurriedAt !== undefined
  }

  point(): Point {
    return { at: Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6, order: ++this.#order }
  }

  perform(action: CallAction): Effect.Effect<void> {
    switch (action._tag) {
      case "Join":
        return this.#again(action, (time) => this.#join(action, action.wishes[time % action.wishes.length]))
      case "Work":
        return this.#again(action, () => this.#work(action))
      case "Job":
        return this.#again(action, () => this.#worker.work(action))
      case "Follow":
        return this.#again(action, () => this.#follow(action))
      case "Respond":
        return this.#fork(this.#respond(action))
      case "Typed":
        return this.#fork(this.#typed(action))
      case "Request":
        return this.#times(action.count, () => this.#fork(this.#request(action)))
      case "PublishTyped":
        return this.#times(action.count, () => this.#publishTyped(action))
      case "Flush":
        return this.#flush(action)
      case "Reauthenticate":
        return this.#times(
          action.count,
          () => this.#call("reauthenticate", bounded(this.#client.reauthenticate, action.interruptAfter))
        )
      case "DisconnectWith":
        return this.#disconnectWith(action)
      case "EmitTo":
        return Effect.void
    }
  }

  /** What something that the client runs calls. */
  inside(inside: Inside): Effect.Effect<void> {
    if (inside === "disconnect") return this.#noted("disconnect inside", this.ended(this.#client.disconnect))
    if (inside === "request") return Effect.ignore(this.#request({ topic: "ask/answers", qos: 1, timeout: 3000 }))
    const calls = {
      publish: Effect.suspend(() => this.#client.publish("call/inside", payloadOf(this.#nextId(), 8), { qos: 1 })),
      subscribe: Effect.scoped(this.#client.subscribe("call/inside/not", { qos: 1 })),
      flush: this.#client.flush
    }
    return Effect.ignore(this.#noted(`${inside} inside`, calls[inside]))
  }

  /** Nobody comes back any more: the client is about to be ended by the program. */
  ended<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      this.#seen.isEnded = true
      this.#observations.closedAt ??= this.point().at
      return effect
    })
  }

  /** What those who follow a topic have. */
  get look(): Effect.Effect<void> {
    return Effect.sync(() => {
      for (const followed of this.#seen.followed) followed.isAtRest = false
      for (const look of this.#refs) look()
    })
  }

  readonly #refs = new Set<() => void>()

  // -------------------------------------------------------------------------
  // How things are run
  // -------------------------------------------------------------------------

  #fork(effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> {
    return Effect.asVoid(Effect.forkIn(effect, this.#scope, { startImmediately: true }))
  }

  #times(count: number, make: () => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.forEach(Array.from({ length: count }), make, { discard: true })
  }

  #noted<A, E>(name: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const call: Call = { name, askedAt: this.point().at, end: undefined }
        this.#observations.calls.push(call)
        return Effect.onExit(restore(effect), (exit) =>
          Effect.sync(() => {
            call.end = this.#endOf(exit)
          }))
      })
    )
  }

  #call(name: string, effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> {
    return this.#fork(this.#noted(name, effect))
  }

  get #isOver(): boolean {
    return this.isStopping || this.#observations.closedAt !== undefined
  }

  /** Comes back as often as it says, and not once all is to come to rest. */
  #again(
    { away, returns }: { readonly away: number; readonly returns: number },
    once: (time: number) => Effect.Effect<unknown, unknown>
  ): Effect.Effect<void> {
    const from = (time: number): Effect.Effect<void> =>
      Effect.andThen(
        Effect.exit(once(time)),
        Effect.suspend(() => {
          if (time >= returns || this.#isOver) return Effect.void
          return away === 0 ? from(time + 1) : Effect.andThen(Effect.sleep(away), from(time + 1))
        })
      )
    return this.#fork(from(0))
  }

  #pause(milliseconds: number): Effect.Effect<void> {
    return Effect.suspend(() => this.#isHurrying || milliseconds === 0 ? Effect.void : Effect.sleep(milliseconds))
  }

  #endOf(exit: Exit.Exit<unknown, unknown>): Ended {
    const { at } = this.point()
    if (Exit.isSuccess(exit)) return { how: "succeeded", reason: undefined, at }
    const error = Result.getOrUndefined(Cause.findError(exit.cause))
    if (error instanceof MqttError) return { how: "failed", reason: error.reason._tag, at }
    if (error !== undefined) return { how: "failed", reason: String(error), at }
    if (Cause.hasInterruptsOnly(exit.cause)) return { how: "interrupted", reason: undefined, at }
    return { how: "died", reason: Cause.pretty(exit.cause), at }
  }

  // -------------------------------------------------------------------------
  // Guests
  // -------------------------------------------------------------------------

  #guest(
    fields:
      & Pick<Guest, "filters" | "kind" | "wish">
      & Partial<Pick<Guest, "buffer" | "onFailure" | "pace" | "policy" | "runs">>
  ): Guest {
    const guest: Guest = {
      number: this.#seen.guests.length,
      buffer: 10_000,
      policy: "suspend",
      pace: 0,
      onFailure: undefined,
      runs: 1,
      asked: this.point(),
      granted: undefined,
      grantedQos: undefined,
      left: undefined,
      gone: undefined,
      isSentAway: false,
      end: undefined,
      runEnds: [],
      ...fields
    }
    this.#seen.guests.push(guest)
    return guest
  }

  /** For as long as it stays; how it ended is its own. */
  #staying<A, E>(guest: Guest, effect: Effect.Effect<A, E>, lifetime: number | undefined): Effect.Effect<void, E> {
    const sent = lifetime === undefined ? effect : Effect.timeoutOrElse(effect, {
      duration: lifetime,
      orElse: () =>
        Effect.sync(() => {
          guest.isSentAway = true
        })
    })
    return Effect.onExit(Effect.asVoid(sent), (exit) =>
      Effect.sync(() => {
        guest.end = this.#endOf(exit)
        guest.gone = this.point()
        guest.left ??= guest.gone
      }))
  }

  #take(guest: Guest, run: number, message: MqttMessage): Taken {
    const { qos, text, topic } = message
    const { at, order } = this.point()
    const taken: Taken = {
      guest: guest.number,
      run,
      id: idOf(text),
      topic,
      qos,
      at,
      order,
      done: undefined,
      how: undefined
    }
    this.#seen.taken.push(taken)
    return taken
  }

  #join(action: ActionOf<"Join">, wish: Wish): Effect.Effect<void, MqttError> {
    return Effect.suspend(() => {
      const { buffer, filters, lifetime, pace, patience, policy, runs } = action
      const guest = this.#guest({ kind: "Join", filters, wish, buffer, policy, pace, runs })
      const options = { ...wish, buffer: { messages: buffer, policy } }
      const leaving = Effect.sync(() => {
        guest.left ??= this.point()
      })
      const asking = this.#client.subscribe(filters.length === 1 ? filters[0] : filters, options).pipe(
        Effect.tap((messages) =>
          Effect.sync(() => {
            guest.granted = this.point()
            guest.grantedQos = messages.granted
          })
        )
      )
      const running = (messages: MqttClient.Subscription, run: number) =>
        Stream.runForEachArray(messages, (chunk) => {
          for (const message of chunk) this.#take(guest, run, message).how = "succeeded"
          return this.#pause(pace * chunk.length)
        }).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => {
              guest.runEnds[run] = this.#endOf(exit)
            })
          )
        )
      const listening = Effect.scoped(Effect.gen({ self: this }, function*() {
        // Registered before the subscription, so it comes after it.
        const asked = bounded(asking, patience)
        const messages = yield* asked
        if (Option.isNone(messages)) {
          guest.isSentAway = true
          return yield* leaving
        }
        const all = Effect.forEach(
          Array.from({ length: runs }),
          (_, run) => running(messages.value, run),
          { concurrency: "unbounded", discard: true }
        )
        if (lifetime === 0) {
          guest.isSentAway = true
          return yield* leaving
        }
        if (lifetime === undefined) return yield* all
        const stayed = yield* Effect.timeoutOption(all, lifetime)
        if (Option.isNone(stayed)) guest.isSentAway = true
        yield* leaving
      }))
      return this.#staying(guest, listening, undefined)
    })
  }

  #work(action: ActionOf<"Work">): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      const { buffer, concurrency, filter, givesWayAfter, leavesAfter, onFailure, pace, qos } = action
      const guest = this.#guest({ kind: "Work", filters: [filter], wish: { qos }, buffer, pace, onFailure })
      const enough = Deferred.makeUnsafe<void>()
      let left = leavesAfter
      const handled = () => {
        if (--left === 0) Deferred.doneUnsafe(enough, Exit.void)
      }
      const consuming = this.#client.consume(filter, (message) => this.#handle(action, guest, message, handled), {
        qos,
        concurrency,
        onFailure,
        buffer: { messages: buffer }
      })
      // In a turn of its own: a handler that interrupts itself has not succeeded.
      const handledEnough = Effect.andThen(Deferred.await(enough), Effect.yieldNow)
      const stayedLong = action.lifetime === undefined ? Effect.never : Effect.sleep(action.lifetime)
      const leaving = Effect.map(Effect.raceFirst(handledEnough, stayedLong), () => {
        guest.isSentAway = true
        // From now on it takes nothing more. Handlers that run have their time.
        guest.left ??= this.point()
      })
      const until = Effect.raceFirst(consuming, leaving)
      return Effect.provideService(
        this.#staying(guest, until, undefined),
        References.MaxOpsBeforeYield,
        givesWayAfter
      )
    })
  }

  #handle(
    action: ActionOf<"Work">,
    guest: Guest,
    message: MqttMessage,
    handled: () => void
  ): Effect.Effect<void, unknown> {
    const { inside, isUninterruptible, pace, trouble } = action
    return Effect.suspend(() => {
      const taken = this.#take(guest, 0, message)
      const isTroubled = trouble !== undefined && taken.id % trouble.every === 0 && !this.#attempted.has(taken.id)
      this.#attempted.add(taken.id)
      const calling = inside === undefined || taken.id % 2 === 0 ? Effect.void : this.inside(inside)
      const ending = isTroubled ? troubles[trouble.how] : Effect.void
      const handling = this.#pause(pace).pipe(Effect.andThen(calling), Effect.andThen(ending))
      // An interruption that came meanwhile is how it ends, for everybody outside.
      return (isUninterruptible && inside === undefined ? Effect.uninterruptible(handling) : handling).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            if (Exit.isSuccess(exit)) return
            taken.done = this.point()
            taken.how = Cause.hasInterrupts(exit.cause) && !isTroubled ? "interrupted" : "failed"
            if (guest.onFailure === "stop" && trouble?.how !== "reject") guest.left ??= taken.done
          })
        ),
        // Its last operation: then it has succeeded, whatever comes after it.
        Effect.andThen(Effect.sync(() => {
          taken.done = this.point()
          taken.how = "succeeded"
          handled()
        }))
      )
    })
  }

  #follow({ lifetime, qos, topic }: ActionOf<"Follow">): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      const guest = this.#guest({ kind: "Follow", filters: [topic], wish: { qos } })
      const followed = { topic, guest: guest.number, atRest: undefined as string | undefined, isAtRest: false }
      this.#seen.followed.push(followed)
      const following = Effect.scoped(Effect.gen({ self: this }, function*() {
        const latest = yield* MqttTopic.latest(topic, { qos })
        guest.granted = this.point()
        const look = () => {
          followed.isAtRest = true
          followed.atRest = Option.getOrUndefined(SubscriptionRef.getUnsafe(latest))
        }
        this.#refs.add(look)
        if (lifetime === 0) guest.isSentAway = true
        else if (lifetime === undefined) {
          yield* this.#untilClosed
        } else {
          yield* Effect.timeoutOption(this.#untilClosed, lifetime)
          guest.isSentAway = true
        }
        this.#refs.delete(look)
        guest.left = this.point()
      }))
      return this.#staying(guest, Effect.provideService(following, MqttClient.MqttClient, this.#client), undefined)
    })
  }

  get #untilClosed(): Effect.Effect<unknown> {
    return SubscriptionRef.changes(this.#client.state).pipe(
      Stream.takeUntil(({ _tag }) => _tag === "Closed"),
      Stream.runDrain
    )
  }

  #respond({ concurrency, filter, lifetime, pace }: ActionOf<"Respond">): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      const guest = this.#guest({ kind: "Respond", filters: [filter], wish: { qos: 2 }, pace })
      const responding = this.#client.respond(
        filter,
        (request) => Effect.as(this.#pause(pace), `${idOf(request.text)} answer`),
        { concurrency }
      )
      return this.#staying(guest, responding, lifetime)
    })
  }

  #typed({ deadLetter, lifetime, onFailure, template }: ActionOf<"Typed">): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      const topic = templates[template]
      const guest = this.#guest({ kind: "Typed", filters: [topic.filter], wish: { qos: 1 }, onFailure })
      const consuming = topic.consume(
        ({ message }) =>
          Effect.sync(() => {
            const taken = this.#take(guest, 0, message)
            taken.how = "succeeded"
            taken.done = this.point()
          }),
        { qos: 1, onFailure, onInvalid: { deadLetter: deadLetters(template)[deadLetter] } }
      )
      return this.#staying(guest, Effect.provideService(consuming, MqttClient.MqttClient, this.#client), lifetime)
    })
  }

  // -------------------------------------------------------------------------
  // Calls
  // -------------------------------------------------------------------------

  #request(
    { interruptAfter, qos, timeout, topic }: Omit<ActionOf<"Request">, "_tag" | "count">
  ): Effect.Effect<unknown, MqttError> {
    return Effect.uninterruptibleMask((restore) => {
      const id = this.#nextId()
      const requested: Requested = {
        id,
        topic,
        qos,
        askedAt: this.point().at,
        timeout,
        end: undefined,
        answer: undefined
      }
      this.#seen.requested.push(requested)
      const asking = Effect.tap(
        this.#client.request(topic, payloadOf(id, 8), { qos, timeout }),
        ({ text }) =>
          Effect.sync(() => {
            requested.answer = text
          })
      )
      return this.#noted("request", restore(bounded(asking, interruptAfter))).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            requested.end = this.#endOf(exit)
          })
        )
      )
    })
  }

  #publishTyped({ qos, template }: ActionOf<"PublishTyped">): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.#call(
        "typed publish",
        Effect.provideService(
          templates[template].publish({ name: "a" }, this.#nextId(), { qos }),
          MqttClient.MqttClient,
          this.#client
        )
      )
    )
  }

  /** Thousands at once are one call to look at. */
  #flush({ count, interruptAfter }: ActionOf<"Flush">): Effect.Effect<void> {
    const { flush } = this.#client
    if (interruptAfter !== 0) return this.#times(count, () => this.#call("flush", bounded(flush, interruptAfter)))
    const once = Effect.map(Effect.forkDetach(Effect.exit(flush), { startImmediately: true }), (fiber) => {
      fiber.interruptUnsafe()
    })
    const all = Effect.forEach(Array.from({ length: count }), () => once, { discard: true })
    // In one turn, however many.
    return this.#call("interrupted flush", Effect.provideService(all, References.MaxOpsBeforeYield, Infinity))
  }

  #disconnectWith({ publishWill, sessionExpiry }: ActionOf<"DisconnectWith">): Effect.Effect<void> {
    const options = {
      publishWill,
      ...(sessionExpiry === undefined ? {} : { sessionExpiry: `${sessionExpiry} seconds` as const })
    }
    // One that is refused closes nothing. Without a connection there is nothing to refuse it for.
    if (sessionExpiry !== undefined && this.#observations.plan.client.session === "clean") {
      const closing = this.#client.disconnectWith(options)
      return this.#call("disconnectWith", Effect.tap(closing, () => this.ended(Effect.void)))
    }
    return this.#call("disconnectWith", this.ended(this.#client.disconnectWith(options)))
  }
}

/** Interrupted after so long; 0 is in the same turn. */
const bounded = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  interruptAfter: number | undefined
): Effect.Effect<Option.Option<A>, E, R> => {
  if (interruptAfter === undefined) return Effect.asSome(effect)
  return Effect.timeoutOption(effect, interruptAfter)
}

const troubles: { readonly [How in "fail" | "die" | "reject" | "interrupt"]: Effect.Effect<never, unknown> } = {
  fail: Effect.fail("the handler failed"),
  die: Effect.die("the handler died"),
  reject: Effect.fail(new MqttRejected({ reasonCode: 0x83 })),
  interrupt: Effect.interrupt
}
