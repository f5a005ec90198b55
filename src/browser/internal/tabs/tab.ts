/**
 * One tab: its requests to the leader, and how it repeats them to the next leader.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { PublishOptions, SubscribeOptions } from "../../../internal/clientOptions.ts"
import * as MqttError from "../../../MqttError.ts"
import { type Acknowledgement, MqttMessage, type Payload } from "../../../MqttMessage.ts"
import type { ConnectionState } from "../../../MqttState.ts"
import * as Channel from "./channel.ts"
import type { Locks } from "./locks.ts"
import { Repeats } from "./repeats.ts"
import * as Wire from "./wire.ts"

/** A request that has not ended. */
interface Open {
  readonly request: Wire.Request
  readonly hear: (message: Exclude<Wire.ToTab, { readonly _tag: "State" }>) => void
  readonly fail: (error: MqttError.MqttError) => void
}

type Batch = Extract<Wire.ToTab, { readonly _tag: "Messages" }>

const closed = MqttError.fromReason(new MqttError.Closed())

/** At QoS 0 the message must not be published again, and whether it was published is unknown. */
const unknown = (): MqttError.MqttError =>
  MqttError.fromReason(
    new MqttError.ConnectionLost({ cause: new Error("the tab that had the connection is gone") })
  )

/** A snapshot, which shows at once whether the value can be sent to another tab. */
const copied = <A extends object>(options: A): Effect.Effect<A, MqttError.MqttError> =>
  Effect.try({
    try: () => structuredClone(options),
    catch: () =>
      MqttError.fromReason(
        new MqttError.InvalidOptions({
          option: "options",
          description: "has something that cannot be copied to another tab, such as a function; use plain data"
        })
      )
  })

export class Tab {
  readonly #id: string
  readonly #state: SubscriptionRef.SubscriptionRef<ConnectionState>
  readonly #post: (message: Wire.ToLeader) => void
  readonly #open = new Map<number, Open>()
  #nextId = 0
  /** The tab asks nothing before it knows its leader. */
  #leader: string | undefined
  /** Leaders that have gone: a late message of theirs may still come. */
  readonly #former = new Set<string>()
  #isClosed = false

  private constructor(id: string, state: Tab["state"], post: (message: Wire.ToLeader) => void) {
    this.#id = id
    this.#state = state
    this.#post = post
  }

  get state(): SubscriptionRef.SubscriptionRef<ConnectionState> {
    return this.#state
  }

  /** A tab that lives as long as the scope. */
  static readonly make = Effect.fnUntraced(function*(
    name: string,
    locks: Locks
  ): Effect.fn.Return<Tab, never, Scope.Scope> {
    const id = crypto.randomUUID()
    const state = yield* SubscriptionRef.make<ConnectionState>({ _tag: "Connecting", attempt: 1 })
    yield* locks.take(Wire.nameOfTab(name, id))
    const told = yield* Channel.listen<Wire.ToTab>(Wire.nameOfTab(name, id))
    const leading = yield* Channel.listen<Wire.Leading>(Wire.nameOfLeading(name))
    const tab = new Tab(id, state, yield* Channel.speak<Wire.ToLeader>(Wire.nameOf(name)))
    yield* Effect.addFinalizer(() => Effect.sync(() => tab.#close()))
    yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(told), (message) => tab.#hear(message))))
    yield* Effect.forkScoped(Effect.forever(Effect.map(Queue.take(leading), ({ leader }) => tab.#follow(leader))))
    tab.#sayHere()
    return tab
  })

  readonly publish = (
    topic: string,
    payload: Payload,
    options: PublishOptions = {}
  ): Effect.Effect<Acknowledgement, MqttError.MqttError> =>
    Effect.flatMap(
      copied({ options, payload }),
      (copy) =>
        Effect.callback<Acknowledgement, MqttError.MqttError>((resume) => {
          const id = this.#nextId++
          const fail = (error: MqttError.MqttError) => resume(Effect.fail(error))
          this.#ask({
            request: { _tag: "Publish", id, topic, ...copy },
            fail,
            hear: (message) => {
              this.#open.delete(id)
              if (message._tag === "Published") resume(Effect.succeed(message.acknowledgement))
              if (message._tag === "Failed") fail(Wire.decodeError(message.error))
            }
          })
          return this.#stop(id)
        })
    )

  readonly subscribe = Effect.fnUntraced({ self: this }, function*(
    topicFilter: string | ReadonlyArray<string>,
    options: SubscribeOptions = {}
  ): Effect.fn.Return<Stream.Stream<MqttMessage, MqttError.MqttError>, MqttError.MqttError, Scope.Scope> {
    const copy = yield* copied({ options, topicFilter })
    const id = this.#nextId++
    const repeats = new Repeats()
    const granted = Deferred.makeUnsafe<void, MqttError.MqttError>()
    const batches = yield* Queue.unbounded<Batch, MqttError.MqttError | Cause.Done>()
    const fail = (error: MqttError.MqttError) => {
      Deferred.doneUnsafe(granted, Effect.fail(error))
      if (error === closed) Queue.endUnsafe(batches)
      else Queue.failCauseUnsafe(batches, Cause.fail(error))
    }
    const hear: Open["hear"] = (message) => {
      if (message._tag === "Subscribed") Deferred.doneUnsafe(granted, Effect.void)
      if (message._tag === "Messages") {
        const packets = repeats.fresh(message.leader, message.packets)
        if (packets.length === 0) this.#sayTook(message)
        else Queue.offerUnsafe(batches, { ...message, packets })
      }
      if (message._tag !== "Failed") return
      this.#open.delete(id)
      fail(Wire.decodeError(message.error))
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => this.#ask({ request: { _tag: "Subscribe", id, ...copy }, hear, fail })),
      () => this.#stop(id)
    )
    yield* Deferred.await(granted)
    return Stream.fromPull(Effect.succeed(Effect.map(Queue.take(batches), (batch) => this.#took(batch))))
  })

  #sayTook({ batch, leader }: Batch): void {
    this.#post({ _tag: "Took", tab: this.#id, batch, leader })
  }

  #took(batch: Batch): readonly [MqttMessage, ...Array<MqttMessage>] {
    this.#sayTook(batch)
    const [first, ...rest] = batch.packets
    return [new MqttMessage(first), ...rest.map((packet) => new MqttMessage(packet))]
  }

  #ask(open: Open): void {
    if (this.#isClosed) return open.fail(closed)
    this.#open.set(open.request.id, open)
    if (this.#leader !== undefined) this.#post({ _tag: "Asked", tab: this.#id, request: open.request })
  }

  #stop(id: number): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.#open.delete(id)) this.#post({ _tag: "Stopped", tab: this.#id, id })
    })
  }

  #hear(message: Wire.ToTab): Effect.Effect<void> {
    if (message._tag !== "State") {
      return Effect.sync(() => this.#open.get(message.id)?.hear(message))
    }
    this.#follow(message.leader)
    return this.#leader === message.leader
      ? SubscriptionRef.set(this.#state, Wire.decodeState(message.state))
      : Effect.void
  }

  /** Repeats all requests to a new leader, except publishes at QoS 0: the former leader may have made them. */
  #follow(leader: string): void {
    if (leader === this.#leader || this.#former.has(leader)) return
    if (this.#leader !== undefined) {
      this.#former.add(this.#leader)
      for (const [id, { fail, request }] of this.#open) {
        if (request._tag !== "Publish" || (request.options.qos ?? 0) > 0) continue
        this.#open.delete(id)
        fail(unknown())
      }
    }
    this.#leader = leader
    this.#sayHere()
  }

  #sayHere(): void {
    const requests = this.#leader === undefined ? [] : Array.from(this.#open.values(), ({ request }) => request)
    this.#post({ _tag: "Here", tab: this.#id, requests })
  }

  #close(): void {
    this.#isClosed = true
    for (const { fail } of this.#open.values()) fail(closed)
    this.#open.clear()
  }
}
