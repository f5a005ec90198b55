/**
 * The same messages, to 10,000 topics in turn, for one Topic Filter that matches all, for 100 and for 10,000.
 *
 * Ours has a subscription with a stream of its own for every filter, and once one subscription for all of them. MQTT.js
 * has one event for all messages; a map from topic to handler finds out whose one is, which works here because nobody
 * shares a topic, and a filter with wildcards is looked up by the part before them.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import mqtt from "mqtt"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import {
  type Assignment,
  dispatchFilters,
  dispatchTopics,
  dispatchWays,
  type Experiment,
  receiveFilter,
  type Target,
  type Task,
  type Traffic
} from "../Benchmark.ts"
import * as Ours from "../sides/ours.ts"
import * as Peer from "../sides/peer.ts"
import { target } from "./connecting.ts"

type Way = typeof dispatchWays[number]

interface Dispatching {
  readonly receive: (traffic: Traffic, count: number) => Promise<void>
  readonly disconnect: () => Promise<void>
}

const ours = async (to: Target, { filters: count, isOneStream }: Way): Promise<Dispatching> => {
  const runtime = ManagedRuntime.make(NodeMqtt.layer(Ours.optionsOf(to)))
  let left = 0
  let done = Deferred.makeUnsafe<void>()
  const scope = await runtime.runPromise(Scope.make())
  const dispatching = Effect.gen(function*() {
    const mqttClient = yield* MqttClient.MqttClient
    const subscribeAndRun = Effect.fnUntraced(function*(filter: string | ReadonlyArray<string>) {
      const messages = yield* mqttClient.subscribe(filter)
      const seen = Stream.runForEach(messages, () =>
        Effect.sync(() => {
          if (--left === 0) Deferred.doneUnsafe(done, Exit.void)
        }))
      yield* Effect.forkScoped(seen)
    })
    const filters = dispatchFilters(count)
    const subscriptions = isOneStream ? [filters] : filters
    yield* Effect.forEach(subscriptions, subscribeAndRun, { concurrency: "unbounded", discard: true })
  })
  await runtime.runPromise(Scope.provide(dispatching, scope))
  const receive = Effect.fnUntraced(function*(traffic: Traffic, count: number) {
    const mqttClient = yield* MqttClient.MqttClient
    left = count
    done = Deferred.makeUnsafe()
    yield* Effect.asVoid(mqttClient.subscribe(receiveFilter(traffic, count, dispatchTopics)))
    yield* Deferred.await(done)
  }, Effect.scoped)
  return {
    receive: (traffic, count) => runtime.runPromise(receive(traffic, count)),
    disconnect: async () => {
      await runtime.runPromise(Scope.close(scope, Exit.void))
      await runtime.dispose()
    }
  }
}

const peer = async (to: Target, { filters: count }: Way): Promise<Dispatching> => {
  const client = await mqtt.connectAsync(Peer.urlOf(to), Peer.optionsOf(to))
  let left = 0
  let finish = () => {}
  const seen = () => {
    if (--left === 0) finish()
  }
  const filters = dispatchFilters(count)
  const handlers = new Map(filters.map((filter) => [filter.replace(/[+#]$/, ""), seen]))
  const prefix = filters[0].search(/[+#]/)
  client.on("message", (topic) => handlers.get(prefix < 0 ? topic : topic.slice(0, prefix))?.())
  await client.subscribeAsync([...filters])
  return {
    receive: async (traffic, count) => {
      left = count
      const done = new Promise<void>((resolve) => {
        finish = resolve
      })
      const filter = receiveFilter(traffic, count, dispatchTopics)
      client.subscribe(filter)
      await done
      await client.unsubscribeAsync(filter)
    },
    disconnect: () => client.endAsync()
  }
}

export const start = async (assignment: Assignment, experiment: Experiment): Promise<Task> => {
  const { traffic } = experiment
  const to = target(assignment, experiment)
  const dispatchings = await Promise.all(
    dispatchWays.map(async (way, index) => ({
      name: way.name,
      rate: 10_000,
      dispatching: await (assignment.side === "ours" ? ours : peer)(
        { ...to, clientId: `${to.clientId}/${index}` },
        way
      )
    }))
  )
  let total = 0

  const measure = async (one: typeof dispatchings[number], seconds: number): Promise<number> => {
    const count = Math.ceil(one.rate * seconds)
    const usage = process.cpuUsage()
    const started = performance.now()
    await one.dispatching.receive(traffic, count)
    one.rate = count / (performance.now() - started) * 1000
    total += count
    const { system, user } = process.cpuUsage(usage)
    return (system + user) * 1000 / count
  }

  return {
    warmUp: async (seconds) => {
      const end = performance.now() + seconds * 1000
      while (performance.now() < end) {
        for (const one of dispatchings) await measure(one, 0.1)
      }
    },
    sample: async () => {
      const values: Record<string, number> = {}
      for (const one of dispatchings) {
        values[`cost ${one.name}`] = await measure(one, assignment.seconds)
        values[`rate ${one.name}`] = one.rate
        values[`growth ${one.name}`] = values[`cost ${one.name}`] / values["cost 1 filter"]
      }
      return values
    },
    end: async () => {
      for (const { dispatching } of dispatchings) await dispatching.disconnect()
      return total
    }
  }
}
