/**
 * The leader is the tab with the connection. It publishes and subscribes for all tabs, including itself.
 *
 * A message is acknowledged when each tab that wants it has taken it, so that the next leader's server sends it again if
 * this one ends before.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { MqttClient } from "../../../MqttClient.ts"
import type { MqttError } from "../../../MqttError.ts"
import type { Delivery } from "../../../MqttMessage.ts"
import * as Channel from "./channel.ts"
import type { Locks } from "./locks.ts"
import * as Wire from "./wire.ts"

/** The calls of the client that the leader uses. */
type Client = Pick<MqttClient["Service"], "deliveries" | "publish" | "state" | "subscribe">

/** How long a new leader waits to hear from the living tabs, before it goes on without the tabs that stand still. */
const muster = "2 seconds"

/**
 * How long the others wait for a tab that does not take its messages. After that it gets them without being waited for.
 */
const patience = "5 seconds"

/** A subscription of a tab. */
interface Member {
  readonly tab: Tab
  readonly id: number
  isLagging: boolean
}

/** A tab, as its leader knows it. */
interface Tab {
  readonly tell: (message: Wire.ToTab) => void
  readonly scope: Scope.Closeable
  /** The scope of each unfinished request; closing it ends the request. */
  readonly requests: Map<number, Scope.Closeable>
  /** Completed when the tab has taken the batch. */
  readonly batches: Map<number, Deferred.Deferred<void>>
}

const leave = (scope: Scope.Closeable): Effect.Effect<void> => Scope.close(scope, Exit.void)

export class Leader {
  readonly #id = crypto.randomUUID()
  readonly #name: string
  readonly #locks: Locks
  readonly #client: Client
  readonly #scope: Scope.Scope
  readonly #tabs = new Map<string, Tab>()
  #nextBatch = 0
  /** Collects subscriptions until every tab is there; then equal subscriptions become one. `undefined` after that. */
  #waiting: Map<string, Array<Member & { readonly request: Wire.SubscribeRequest }>> | undefined = new Map()

  constructor(options: {
    readonly name: string
    readonly locks: Locks
    readonly client: Client
    readonly scope: Scope.Scope
  }) {
    this.#name = options.name
    this.#locks = options.locks
    this.#client = options.client
    this.#scope = options.scope
  }

  /** Leads until it is interrupted. */
  readonly run: Effect.Effect<never, never, Scope.Scope> = Effect.gen({ self: this }, function*() {
    const received = yield* Channel.listen<Wire.ToLeader>(Wire.nameOf(this.#name))
    const announce = yield* Channel.speak<Wire.Leading>(Wire.nameOfLeading(this.#name))
    const prefix = Wire.nameOfTab(this.#name, "")
    const missing = new Set((yield* this.#locks.held(prefix)).map((name) => name.slice(prefix.length)))
    const isComplete = Deferred.makeUnsafe<void>()
    const start = Deferred.await(isComplete).pipe(
      Effect.timeoutOption(muster),
      Effect.andThen(Effect.suspend(() => this.#start()))
    )
    yield* Effect.forkScoped(start)
    yield* Stream.runForEach(
      SubscriptionRef.changes(this.#client.state),
      () => Effect.sync(() => this.#tabs.forEach((tab) => this.#tellState(tab)))
    ).pipe(Effect.forkScoped)
    announce({ _tag: "Leading", leader: this.#id })
    return yield* Effect.forever(Effect.gen({ self: this }, function*() {
      const message = yield* Queue.take(received)
      yield* this.#receive(message)
      if (message._tag !== "Here") return
      missing.delete(message.tab)
      if (missing.size === 0) Deferred.doneUnsafe(isComplete, Effect.void)
    }))
  })

  #receive(message: Wire.ToLeader): Effect.Effect<void> {
    switch (message._tag) {
      case "Here":
        return Effect.flatMap(this.#tab(message.tab), (tab) => {
          this.#tellState(tab)
          return Effect.forEach(message.requests, (request) => this.#ask(tab, request), { discard: true })
        })
      case "Asked":
        return Effect.flatMap(this.#tab(message.tab), (tab) => this.#ask(tab, message.request))
      case "Stopped":
        return this.#end(this.#tabs.get(message.tab), message.id)
      case "Took":
        return Effect.sync(() => {
          const taken = message.leader === this.#id
            ? this.#tabs.get(message.tab)?.batches.get(message.batch)
            : undefined
          if (taken !== undefined) Deferred.doneUnsafe(taken, Effect.void)
        })
    }
  }

  /** Watches a new tab: the tab ends with its lock. */
  #tab(name: string): Effect.Effect<Tab> {
    return Effect.suspend(() => {
      const known = this.#tabs.get(name)
      if (known !== undefined) return Effect.succeed(known)
      const nameOfTab = Wire.nameOfTab(this.#name, name)
      return Effect.gen({ self: this }, function*() {
        const scope = yield* Scope.fork(this.#scope)
        const tell = yield* Scope.provide(Channel.speak<Wire.ToTab>(nameOfTab), scope)
        const tab: Tab = { tell, scope, requests: new Map(), batches: new Map() }
        this.#tabs.set(name, tab)
        const gone = Effect.andThen(
          this.#locks.free(nameOfTab),
          Effect.suspend(() => {
            this.#tabs.delete(name)
            for (const batch of tab.batches.values()) Deferred.doneUnsafe(batch, Effect.void)
            return leave(scope)
          })
        )
        yield* Effect.forkIn(gone, this.#scope)
        return tab
      })
    })
  }

  #tellState(tab: Tab): void {
    tab.tell({
      _tag: "State",
      leader: this.#id,
      state: Wire.encodeState(SubscriptionRef.getUnsafe(this.#client.state))
    })
  }

  #end(tab: Tab | undefined, id: number): Effect.Effect<void> {
    const scope = tab?.requests.get(id)
    tab?.requests.delete(id)
    return scope === undefined ? Effect.void : leave(scope)
  }

  /** A tab repeats its requests when it announces itself, so a known request is ignored. */
  #ask(tab: Tab, request: Wire.Request): Effect.Effect<void> {
    if (tab.requests.has(request.id)) return Effect.void
    return Effect.flatMap(Scope.fork(tab.scope), (scope) => {
      tab.requests.set(request.id, scope)
      if (request._tag === "Publish") return this.#publish(tab, request, scope)
      const member = { tab, id: request.id, isLagging: false, request }
      if (this.#waiting === undefined) return this.#subscribe(request, [member])
      const key = JSON.stringify([request.topicFilter, request.options])
      const others = this.#waiting.get(key)
      if (others === undefined) this.#waiting.set(key, [member])
      else others.push(member)
      return Effect.void
    })
  }

  #publish(
    tab: Tab,
    { id, options, payload, topic }: Wire.PublishRequest,
    scope: Scope.Closeable
  ): Effect.Effect<void> {
    return this.#client.publish(topic, payload, options).pipe(
      Effect.matchEffect({
        onFailure: (error) => this.#fail([{ tab, id }], error),
        onSuccess: (acknowledgement) =>
          Effect.sync(() => {
            tab.requests.delete(id)
            tab.tell({ _tag: "Published", id, acknowledgement })
          })
      }),
      // Started at once, so that the messages of a tab keep their order.
      Effect.forkIn(scope, { startImmediately: true }),
      Effect.asVoid
    )
  }

  #fail(members: ReadonlyArray<Pick<Member, "tab" | "id">>, error: MqttError): Effect.Effect<void> {
    return Effect.sync(() => {
      for (const { id, tab } of members) {
        tab.requests.delete(id)
        tab.tell({ _tag: "Failed", id, error: Wire.encodeError(error) })
      }
    })
  }

  /** Every tab is there, or does not answer. */
  #start(): Effect.Effect<void> {
    const groups = [...this.#waiting?.values() ?? []]
    this.#waiting = undefined
    return Effect.forEach(groups, (members) => this.#subscribe(members[0].request, members), { discard: true })
  }

  /** One subscription, for as long as a tab wants it. */
  #subscribe(
    { options, topicFilter }: Wire.SubscribeRequest,
    members: ReadonlyArray<Member>
  ): Effect.Effect<void> {
    const wanted = () => members.filter(({ id, tab }) => tab.requests.has(id))
    return Effect.gen({ self: this }, function*() {
      const own = yield* Scope.fork(this.#scope)
      const given = { ...options, qos: options.qos ?? 0 }
      const receiving = Stream.runForEachArray(
        this.#client.deliveries(topicFilter, given),
        (deliveries) => this.#hand(deliveries, wanted())
      )
      // The second subscriber of the same filters learns when they are granted, and takes nothing from the first.
      const granted = Effect.andThen(
        Effect.scoped(this.#client.subscribe(topicFilter, given)),
        Effect.sync(() => wanted().forEach(({ id, tab }) => tab.tell({ _tag: "Subscribed", id })))
      )
      const run = Effect.all([receiving, granted], { concurrency: "unbounded", discard: true }).pipe(
        Effect.catch((error) => this.#fail(wanted(), error))
      )
      for (const { id, tab } of members) {
        const scope = tab.requests.get(id)
        if (scope === undefined) continue
        yield* Scope.addFinalizer(
          scope,
          Effect.suspend(() => {
            tab.requests.delete(id)
            return wanted().length === 0 ? leave(own) : Effect.void
          })
        )
      }
      yield* Effect.forkIn(run, own, { startImmediately: true })
    })
  }

  /** Hands messages to all members. Acknowledges them when all have taken them, or `patience` is over. */
  #hand(deliveries: ReadonlyArray<Delivery>, members: ReadonlyArray<Member>): Effect.Effect<void> {
    const packets = deliveries.map(({ message }) => Wire.packetOf(message.packet))
    const handed = members.map((member) => {
      const { id, tab } = member
      const batch = this.#nextBatch++
      const taken = Deferred.makeUnsafe<void>()
      tab.batches.set(batch, taken)
      tab.tell({ _tag: "Messages", id, batch, leader: this.#id, packets })
      const settled = Effect.map(Deferred.await(taken), () => {
        tab.batches.delete(batch)
        member.isLagging = false
      })
      return { member, settled }
    })
    const awaited = Effect.forEach(handed, ({ member, settled }) => {
      if (member.isLagging) return Effect.forkIn(settled, member.tab.scope)
      return Effect.timeoutOrElse(settled, {
        duration: patience,
        orElse: () => {
          member.isLagging = true
          return Effect.asVoid(Effect.forkIn(settled, member.tab.scope))
        }
      })
    }, { concurrency: "unbounded", discard: true })
    return Effect.andThen(awaited, Effect.forEach(deliveries, ({ acknowledge }) => acknowledge, { discard: true }))
  }
}
