/**
 * The memory of a backlog is bounded in bytes, even if large messages follow small ones.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import type * as MqttClient from "../../src/MqttClient.ts"
import * as MqttStore from "../../src/MqttStore.ts"
import { type Kit, scenario } from "../support/scenario.ts"
import { complete, settle } from "../support/time.ts"

const options = { session: "persistent", initialConnection: "retry" } as const satisfies MqttClient.Options

/** Notes the keys of each page of messages that is read. */
const watching = (store: MqttStore.Store, pages: Array<ReadonlyArray<number>>): MqttStore.Store => ({
  name: store.name,
  open: (clientId) =>
    Effect.map(store.open(clientId), (open) => ({
      commit: open.commit,
      read: (table, range) =>
        Effect.tap(open.read(table, range), (found) =>
          Effect.sync(() => {
            if (table === "message") pages.push(found.map(({ key }) => key))
          }))
    }))
})

const live = Effect.fnUntraced(function*(kit: Kit, store: MqttStore.Store) {
  const scope = yield* Scope.make()
  const mqtt = yield* complete(Effect.flatMap(
    kit.start(options).pipe(Effect.provide(MqttStore.layer(Effect.succeed(store))), Scope.provide(scope)),
    Fiber.join
  ))
  return { mqtt, end: complete(Scope.close(scope, Exit.void)) }
})

const large = "x".repeat(900_000)

describe("memory does not grow with the backlog", () => {
  scenario(
    "of a page with more than fits, the rest is read when there is room again",
    {},
    (kit) =>
      Effect.gen(function*() {
        const store = yield* MqttStore.makeMemory
        yield* kit.network.refuseConnect(1000)
        const first = yield* live(kit, store)
        const texts = [
          ...Array.from({ length: 300 }, (_, index) => `${index}`),
          ...Array.from({ length: 8 }, () => large)
        ]
        yield* complete(Effect.forEach(texts, (text) => first.mqtt.publishAsync("t", text, { qos: 1 })))
        yield* first.end
        const pages: Array<ReadonlyArray<number>> = []
        const second = yield* live(kit, watching(store, pages))
        yield* settle
        // On average they are small, so all of the large ones are in one page; four MiB are five of them.
        assert.deepStrictEqual(pages.map((keys) => keys[0]), [1, 101, 201, 301])
        yield* kit.network.allowConnect
        yield* complete(second.mqtt.flush)
        assert.deepStrictEqual(pages[4], [306, 307, 308])
        assert.deepStrictEqual(
          (yield* kit.broker.messages).map(({ payload }) => payload.length),
          texts.map(({ length }) => length)
        )
        yield* second.end
      })
  )
})
