/**
 * One client for all tabs of a site: one tab has the connection and the session, and the others publish and subscribe
 * through it. When that tab is closed, another one takes over.
 *
 * It is not for workers, which have no tab to share with, and not between sites. The tabs elect the leader with the Web
 * Locks API, and exchange messages through a `BroadcastChannel`.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { PublishOptions, SubscribeOptions } from "../internal/clientOptions.ts"
import { MqttClient } from "../MqttClient.ts"
import * as MqttError from "../MqttError.ts"
import type { Acknowledgement, MqttMessage, Payload } from "../MqttMessage.ts"
import type { ConnectionState } from "../MqttState.ts"
import { Leader } from "./internal/tabs/leader.ts"
import * as Locks from "./internal/tabs/locks.ts"
import { awake } from "./internal/tabs/scheduler.ts"
import { Tab } from "./internal/tabs/tab.ts"
import * as Wire from "./internal/tabs/wire.ts"

/**
 * The role of a tab: the leader has the connection, and the others follow it.
 *
 * @since 0.2.0
 * @category models
 */
export type Role = "Leader" | "Follower"

/**
 * The client that all tabs share. Its calls are calls of `MqttClient`, which documents them.
 *
 * @since 0.2.0
 * @category services
 */
export class MqttTabs extends Context.Service<MqttTabs, {
  /**
   * As `publish` of `MqttClient`, by the tab that leads. If that tab ends before it has answered, the next leader
   * publishes the message again at QoS 1 and 2. At QoS 0 the call fails with `ConnectionLost`.
   */
  readonly publish: (
    topic: string,
    payload: Payload,
    options?: PublishOptions
  ) => Effect.Effect<Acknowledgement, MqttError.MqttError>
  /**
   * As `subscribe` of `MqttClient`. It lasts as long as the scope, even if the leader changes. A message is
   * acknowledged when the stream of each tab that subscribed has taken it; the others wait at most five seconds for a
   * tab that stands still.
   */
  readonly subscribe: (
    topicFilter: string | ReadonlyArray<string>,
    options?: SubscribeOptions
  ) => Effect.Effect<Stream.Stream<MqttMessage, MqttError.MqttError>, MqttError.MqttError, Scope.Scope>
  /** `subscribe` as a plain stream, subscribed for as long as it is run. */
  readonly messages: (
    topicFilter: string | ReadonlyArray<string>,
    options?: SubscribeOptions
  ) => Stream.Stream<MqttMessage, MqttError.MqttError>
  /** The connection that all tabs share, as the leader sees it. */
  readonly state: SubscriptionRef.SubscriptionRef<ConnectionState>
  /** The current role of this tab, and its changes (`SubscriptionRef.changes`). */
  readonly role: SubscriptionRef.SubscriptionRef<Role>
}>()("effect-mqtt/browser/MqttTabs") {}

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** Tabs with the same name share a client. Default: `"default"`. */
  readonly name?: string | undefined
  /**
   * The client of the tab that leads, such as `BrowserMqtt.layer({ ... })`. No other tab builds it. To lose nothing when
   * another tab takes over, it needs `session: "persistent"` and the same `clientId` in all tabs.
   */
  readonly client: Layer.Layer<MqttClient, MqttError.MqttError>
}

const invalid = (option: string, description: string): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.InvalidOptions({ option, description }))

const insecure = "this page has no `navigator.locks`, so no tab can be elected; serve it over https, or from localhost"

/** A client that could not be built: every call fails with the reason. */
const broken = Effect.fnUntraced(function*(error: MqttError.MqttError) {
  const state = yield* SubscriptionRef.make<ConnectionState>({ _tag: "Closed", error })
  const fails = () => Effect.fail(error)
  return { publish: fails, subscribe: fails, deliveries: () => Stream.fail(error), state }
})

const make = Effect.fnUntraced(function*(
  { client, name = "default" }: Options
): Effect.fn.Return<MqttTabs["Service"], MqttError.MqttError, Scope.Scope> {
  const isLayer: boolean = Layer.isLayer(client)
  if (!isLayer) return yield* invalid("client", "must be a layer, such as `BrowserMqtt.layer({ url })`")
  if (typeof name !== "string") return yield* invalid("name", "must be text")
  const locks = Locks.get()
  if (locks === undefined) return yield* invalid("client", insecure)
  const tab = yield* Tab.make(name, locks)
  const role = yield* SubscriptionRef.make<Role>("Follower")
  const decided = yield* Deferred.make<void, MqttError.MqttError>()

  const built = Effect.map(Layer.build(client), (services) => Context.get(services, MqttClient))
  /** The work of a leader from its election until it ends, or until its lock is stolen. */
  const term = (held: Locks.Held) =>
    Effect.gen(function*() {
      yield* SubscriptionRef.set(role, "Leader")
      const isFirst = !Deferred.isDoneUnsafe(decided)
      const client = yield* Effect.catch(built, (error) => isFirst ? Effect.fail(error) : broken(error))
      yield* Deferred.succeed(decided, undefined)
      const leader = new Leader({ name, locks, client, scope: yield* Effect.scope })
      yield* Effect.raceFirst(leader.run, held.lost)
    }).pipe(Effect.ensuring(SubscriptionRef.set(role, "Follower")))

  const lock = Wire.nameOf(name)
  const first = Effect.flatMap(
    locks.tryTake(lock),
    (held) => held === undefined ? Deferred.succeed(decided, undefined) : term(held)
  )
  const later = Effect.flatMap(locks.take(lock), term)
  yield* Effect.scoped(first).pipe(
    Effect.andThen(Effect.forever(Effect.scoped(later))),
    Effect.catch((error) => Deferred.fail(decided, error)),
    Effect.forkScoped
  )
  yield* Deferred.await(decided)
  return MqttTabs.of({
    publish: tab.publish,
    subscribe: tab.subscribe,
    messages: (topicFilter, options) => Stream.unwrap(tab.subscribe(topicFilter, options)),
    state: tab.state,
    role
  })
})

/**
 * The client that all tabs with this name share. Fails with `InvalidOptions` if the page has no Web Locks. In the tab
 * that leads first it also fails with the error of its client. In a tab that leads later every call fails with that
 * error instead.
 *
 * **Example** (One connection for all tabs)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { BrowserMqtt, BrowserMqttTabs } from "effect-mqtt/browser"
 *
 * const program = Effect.gen(function*() {
 *   const mqtt = yield* BrowserMqttTabs.MqttTabs
 *   yield* Stream.runForEach(mqtt.messages("news/#", { qos: 1 }), ({ text }) => Effect.log(text))
 * })
 *
 * program.pipe(
 *   Effect.provide(BrowserMqttTabs.layer({
 *     client: BrowserMqtt.layer({ url: "wss://broker.example/mqtt", initialConnection: "retry" })
 *   })),
 *   Effect.runFork
 * )
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<MqttTabs, MqttError.MqttError> =>
  Layer.effect(MqttTabs, Effect.suspend(() => awake(make(options))))
