import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { Gate } from "../../../src/internal/client/gate.ts"
import { Deliveries } from "../../../src/internal/client/incoming/deliveries.ts"
import type { Addressee } from "../../../src/internal/client/incoming/handover.ts"
import { Inbox } from "../../../src/internal/client/incoming/inbox.ts"
import * as SubscriptionIdentifier from "../../../src/internal/client/incoming/subscriptionIdentifier.ts"
import { type Server, Subscriptions } from "../../../src/internal/client/incoming/subscriptions.ts"
import type { Owner } from "../../../src/internal/client/owner.ts"
import * as Suspicion from "../../../src/internal/client/suspicion.ts"
import { Closed, fromReason } from "../../../src/MqttError.ts"
import type { MqttMessage } from "../../../src/MqttMessage.ts"
import type { Arrival } from "../../../src/protocol/Arrivals.ts"
import type * as Packet from "../../../src/protocol/Packet.ts"
import { none } from "../../../src/protocol/Properties.ts"
import { publish } from "../../support/packets.ts"

/** A server that keeps what it is asked for, and a table that asks it. */
const make = (
  options: {
    readonly maximumUnclaimed?: number
    readonly maximumUnclaimedBytes?: number
    readonly isPersistent?: boolean
    readonly onOpen?: () => void
  } = {}
) => {
  const requests: Array<{ readonly asked: string; readonly request: Owner }> = []
  const acknowledged: Array<readonly [packetIdentifier: number, reasonCode: number]> = []
  const server: Server = {
    suspicion: Suspicion.none,
    subscribe: ({ subscriptions }, request) => {
      const filters = subscriptions.map(({ qos, topicFilter }) => `${topicFilter}:${qos}`)
      requests.push({ asked: `subscribe ${filters.join(" ")}`, request })
    },
    unsubscribe: (filters, request) => {
      requests.push({ asked: `unsubscribe ${filters.join(" ")}`, request })
    }
  }
  const gate = new Gate(options.onOpen ?? (() => {}))
  const deliveries = new Deliveries({
    acknowledge: (arrivals, reasonCode) => {
      for (const { packetIdentifier } of arrivals) acknowledged.push([packetIdentifier, reasonCode])
    }
  }, {
    maximumUnclaimed: options.maximumUnclaimed ?? 100,
    maximumUnclaimedBytes: options.maximumUnclaimedBytes ?? 1_000_000,
    gate
  })
  const table = new Subscriptions(server, deliveries, {
    isPersistent: options.isPersistent ?? false,
    filtersPerPacket: 100
  })
  return {
    table,
    deliveries,
    gate,
    acknowledged,
    asked: () => requests.map(({ asked }) => asked),
    /** The server answers request `index` with these codes. */
    answer: (index: number, ...reasonCodes: ReadonlyArray<number>) =>
      requests[index].request.completed({ reasonCode: 0, reasonCodes, properties: none }),
    abandon: (index: number) => requests[index].request.abandoned()
  }
}

const subscriberWith = (messages = 10) => {
  const inbox = new Inbox<MqttMessage>({
    bounds: { messages, bytes: 1000, policy: "suspend" },
    dispatcher: { scheduleTask: (task) => task() },
    gate: new Gate(() => {})
  })
  const subscriber: Addressee = { acknowledges: "onArrival", inbox }
  return { inbox, subscriber, texts: Effect.map(inbox.pull, (messages) => messages.map(({ text }) => text)) }
}

const join = (
  { table }: ReturnType<typeof make>,
  topicFilter: string,
  qos: Packet.Qos = 0,
  member = subscriberWith()
) => {
  const heard: Array<string | number> = []
  table.addAll([{
    options: { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    waiting: { granted: (qos) => heard.push(qos), failed: (error) => heard.push(error.reason._tag) }
  }], member.subscriber)
  return { ...member, heard, leave: () => table.leave([topicFilter], member.subscriber) }
}

const arrival = (packetIdentifier: number): Arrival => ({
  qos: 1,
  packetIdentifier,
  position: packetIdentifier,
  connection: 1,
  exchange: 0
})

describe("Subscriptions", () => {
  it("asks for a filter once, however many share it, and gives it up with the last", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const first = join(tested, "t")
    const second = join(tested, "t")
    tested.answer(0, 0)
    const third = join(tested, "t")
    assert.deepStrictEqual([first.heard, second.heard, third.heard], [[0], [0], [0]])
    first.leave()
    second.leave()
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0"])
    third.leave()
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0", "unsubscribe t"])
    tested.answer(1, 0)
    assert.deepStrictEqual(tested.table.filters, [])
  })

  it("R118 what comes after a subscriber left does not reach it", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const { inbox, leave } = join(tested, "t", 1)
    tested.answer(0, 1)
    leave()
    tested.deliveries.deliver(publish("t", { text: "late", qos: 1 }), arrival(1), 0)
    assert.strictEqual(inbox.size, 0)
    assert.deepStrictEqual(tested.deliveries.takeSettled(), [arrival(1)])
  })

  it("one that leaves before the answer comes unsubscribes after it", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    join(tested, "t").leave()
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0"])
    tested.answer(0, 0)
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0", "unsubscribe t"])
  })

  it("one that comes while it is given up subscribes after that", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const first = join(tested, "t")
    tested.answer(0, 0)
    first.leave()
    const second = join(tested, "t", 1)
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0", "unsubscribe t"])
    tested.answer(1, 0x11)
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0", "unsubscribe t", "subscribe t:1"])
    tested.answer(2, 1)
    assert.deepStrictEqual(second.heard, [1])
  })

  it("one that asks for more while the answer is on its way is asked for in a request of its own", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const low = join(tested, "t", 0)
    const high = join(tested, "t", 2)
    tested.answer(0, 0)
    assert.deepStrictEqual([low.heard, high.heard], [[0], []])
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0", "subscribe t:2"])
    tested.answer(1, 2)
    assert.deepStrictEqual([low.heard, high.heard], [[0], [2]])
  })

  it("one that leaves in the step in which it is granted, and comes back, waits for the answer to its own request", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const again: Array<ReturnType<typeof join>> = []
    const first = subscriberWith()
    tested.table.addAll([{
      options: { topicFilter: "t", qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
      waiting: {
        granted: () => {
          tested.table.leave(["t"], first.subscriber)
          again.push(join(tested, "t", 1))
        },
        failed: () => {}
      }
    }], first.subscriber)
    tested.answer(0, 1)
    assert.deepStrictEqual(again.map(({ heard }) => heard), [[]])
    tested.answer(1, 0)
    assert.deepStrictEqual(again.map(({ heard }) => heard), [[]])
    assert.deepStrictEqual(tested.asked(), ["subscribe t:1", "unsubscribe t", "subscribe t:1"])
    tested.answer(2, 1)
    assert.deepStrictEqual(again.map(({ heard }) => heard), [[1]])
  })

  it("one that asks for more in the step in which another is granted waits for the answer to its own request", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const more: Array<ReturnType<typeof join>> = []
    const first = subscriberWith()
    tested.table.addAll([{
      options: { topicFilter: "t", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
      waiting: { granted: () => more.push(join(tested, "t", 2)), failed: () => {} }
    }], first.subscriber)
    tested.answer(0, 0)
    assert.deepStrictEqual(more.map(({ heard }) => heard), [[]])
    tested.answer(1, 0x97)
    assert.deepStrictEqual(more.map(({ heard }) => heard), [["SubscribeRefused"]])
    assert.isFalse(first.inbox.hasEnded)
  })

  for (const sessionPresent of [true, false]) {
    const session = sessionPresent ? "resumed" : "new"
    it(`a refused upgrade that a lost connection repeats in a ${session} session leaves those who asked for less`, () => {
      const tested = make()
      tested.table.connected({ sessionPresent: false })
      const low = join(tested, "t", 0)
      tested.answer(0, 0)
      const high = join(tested, "t", 1)
      tested.abandon(1)
      tested.table.disconnected()
      tested.table.connected({ sessionPresent })
      tested.answer(2, 0x97)
      assert.deepStrictEqual(high.heard, ["SubscribeRefused"])
      if (!sessionPresent) tested.answer(3, 0)
      assert.deepStrictEqual(tested.asked().slice(2), ["subscribe t:1", ...sessionPresent ? [] : ["subscribe t:0"]])
      assert.isFalse(low.inbox.hasEnded)
      assert.isTrue(high.inbox.hasEnded)
    })
  }

  it("one that comes while another is asked for is asked for by itself when that is refused", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const first = join(tested, "t")
    const second = join(tested, "t")
    tested.answer(0, 0x97)
    assert.deepStrictEqual([first.heard, second.heard], [["SubscribeRefused"], []])
    tested.answer(1, 0)
    assert.deepStrictEqual(second.heard, [0])
  })

  it("one whose predecessor left before the answer is not granted by that answer", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    join(tested, "t", 1).leave()
    const next = join(tested, "t", 1)
    tested.answer(0, 1)
    assert.deepStrictEqual(next.heard, [])
    tested.answer(1, 1)
    assert.deepStrictEqual(next.heard, [1])
    assert.deepStrictEqual(tested.asked(), ["subscribe t:1", "subscribe t:1"])
  })

  for (const sessionPresent of [true, false]) {
    it(`one that joins another without a connection waits for the next, session present: ${sessionPresent}`, () => {
      const tested = make()
      tested.table.connected({ sessionPresent: false })
      join(tested, "t", 1)
      tested.answer(0, 1)
      tested.table.disconnected()
      const second = join(tested, "t", 1)
      assert.deepStrictEqual(second.heard, [])
      tested.table.connected({ sessionPresent })
      if (!sessionPresent) tested.answer(1, 1)
      assert.deepStrictEqual(second.heard, [1])
    })
  }

  it("one that is interrupted while it waits leaves nothing behind and is told nothing", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const stays = join(tested, "t")
    const leaves = join(tested, "t")
    leaves.leave()
    tested.answer(0, 0)
    assert.deepStrictEqual([stays.heard, leaves.heard], [[0], []])
  })

  it("an earlier leaving is no reason to give up what lingers since a later one", () => {
    const tested = make({ isPersistent: true })
    tested.table.connected({ sessionPresent: false })
    const first = join(tested, "t")
    tested.answer(0, 0)
    const release = first.leave()
    const again = join(tested, "t")
    tested.answer(1, 0)
    const releaseAgain = again.leave()
    release?.()
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0", "subscribe t:0"])
    releaseAgain?.()
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0", "subscribe t:0", "unsubscribe t"])
  })

  it("what the server has lingers too when the last one leaves while it is asked for again", () => {
    const tested = make({ isPersistent: true })
    tested.table.connected({ sessionPresent: false })
    const first = join(tested, "t")
    tested.answer(0, 0)
    first.leave()
    const release = join(tested, "t").leave()
    tested.answer(1, 0)
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0", "subscribe t:0"])
    release?.()
    assert.deepStrictEqual(tested.asked(), ["subscribe t:0", "subscribe t:0", "unsubscribe t"])
  })

  it("waits for a connection, and asks in packets of at most a hundred filters", () => {
    const tested = make()
    for (let count = 0; count < 250; count++) join(tested, `t/${count}`)
    assert.deepStrictEqual(tested.asked(), [])
    tested.table.connected({ sessionPresent: false })
    assert.deepStrictEqual(tested.asked().map((asked) => asked.split(" ").length - 1), [100, 100, 50])
  })

  it("a refusal ends those who want it, and the filter can be asked for again", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const refused = join(tested, "t")
    tested.answer(0, 0x87)
    assert.deepStrictEqual(refused.heard, ["SubscribeRefused"])
    assert.deepStrictEqual(tested.table.filters, [])
    const next = join(tested, "t")
    tested.answer(1, 0)
    assert.deepStrictEqual(next.heard, [0])
  })

  it.effect("a refusal after a reconnect fails the stream of who had it", () =>
    Effect.gen(function*() {
      const tested = make()
      tested.table.connected({ sessionPresent: false })
      const { heard, inbox } = join(tested, "t")
      tested.answer(0, 0)
      tested.table.disconnected()
      tested.table.connected({ sessionPresent: false })
      tested.answer(1, 0x87)
      assert.deepStrictEqual(heard, [0])
      const error = yield* Effect.flip(inbox.pull)
      assert.strictEqual(Cause.isDone(error) ? "done" : error.reason._tag, "SubscribeRefused")
    }))

  it("S43 a session that is gone is subscribed to again, one that is there is not", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    join(tested, "t", 1)
    tested.answer(0, 1)
    tested.table.disconnected()
    tested.table.connected({ sessionPresent: true })
    assert.deepStrictEqual(tested.asked(), ["subscribe t:1"])
    tested.table.disconnected()
    tested.table.connected({ sessionPresent: false })
    assert.deepStrictEqual(tested.asked(), ["subscribe t:1", "subscribe t:1"])
  })

  it("what was asked and not answered when the connection ended is asked again", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: true })
    const wanted = join(tested, "wanted")
    const left = join(tested, "left")
    tested.answer(1, 0)
    left.leave()
    tested.abandon(0)
    tested.abandon(2)
    tested.table.disconnected()
    tested.table.connected({ sessionPresent: true })
    assert.deepStrictEqual(tested.asked().slice(3), ["subscribe wanted:0", "unsubscribe left"])
    tested.answer(3, 0)
    assert.deepStrictEqual(wanted.heard, [0])
  })

  it.effect("R104 a message reaches each subscriber once and is acknowledged once, when all have it", () =>
    Effect.gen(function*() {
      const tested = make()
      const slow = subscriberWith(1)
      join(tested, "a/#", 1, slow)
      join(tested, "a/b", 1, slow)
      const fast = join(tested, "a/+", 1)
      tested.deliveries.deliver(publish("a/b", { text: "1", qos: 1 }), arrival(1), 0)
      tested.deliveries.deliver(publish("a/b", { text: "2", qos: 1 }), arrival(2), 0)
      assert.deepStrictEqual(tested.acknowledged, [[1, 0]])
      assert.deepStrictEqual(yield* fast.texts, ["1", "2"])
      assert.deepStrictEqual(yield* slow.texts, ["1"])
      assert.deepStrictEqual(tested.acknowledged, [[1, 0], [2, 0]])
      assert.deepStrictEqual(yield* slow.texts, ["2"])
    }))

  it("R100 what a server does with copies is learnt anew with a new session, and kept with the old one", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const all = join(tested, "a/#", 0, subscriberWith(100))
    const exact = join(tested, "a/b", 0, subscriberWith(100))
    tested.answer(0, 0)
    tested.answer(1, 0)
    const deliver = (text: string, filter: string) =>
      tested.deliveries.deliver(
        {
          ...publish("a/b", { text }),
          properties: { subscriptionIdentifiers: [SubscriptionIdentifier.make(filter)] }
        },
        undefined,
        0
      )
    const sizes = () => [all.inbox.size, exact.inbox.size]
    deliver("1", "a/#")
    deliver("1", "a/b")
    assert.deepStrictEqual(sizes(), [1, 1])
    tested.table.disconnected()
    tested.table.connected({ sessionPresent: true })
    deliver("2", "a/#")
    assert.deepStrictEqual(sizes(), [2, 1])
    tested.table.disconnected()
    tested.table.connected({ sessionPresent: false })
    tested.answer(2, 0)
    tested.answer(3, 0)
    deliver("3", "a/#")
    assert.deepStrictEqual(sizes(), [3, 2])
  })

  it("R86 R103 what nobody wants is acknowledged", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    tested.deliveries.deliver(publish("t", { text: "1", qos: 1 }), arrival(1), 0)
    assert.deepStrictEqual(tested.deliveries.takeSettled(), [arrival(1)])
  })

  it("one that leaves with messages parked does not hold up their acknowledgement for ever", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const slow = join(tested, "t", 1, subscriberWith(1))
    const fast = join(tested, "t", 1)
    tested.deliveries.deliver(publish("t", { text: "1", qos: 1 }), arrival(1), 0)
    tested.deliveries.deliver(publish("t", { text: "2", qos: 1 }), arrival(2), 0)
    assert.deepStrictEqual(tested.acknowledged, [[1, 0]])
    slow.leave()
    slow.inbox.end(Cause.Done())
    assert.deepStrictEqual(tested.acknowledged, [[1, 0], [2, 0]])
    assert.strictEqual(fast.inbox.size, 2)
  })

  it.effect("S51 messages of a resumed session wait, as many as allowed, for who comes for them", () =>
    Effect.gen(function*() {
      const tested = make({ maximumUnclaimed: 2 })
      tested.table.connected({ sessionPresent: true })
      for (const identifier of [1, 2, 3]) {
        tested.deliveries.deliver(publish("t", { text: String(identifier), qos: 1 }), arrival(identifier), 0)
      }
      // Only reading no further keeps more of them away.
      assert.isFalse(tested.gate.isOpen)
      assert.deepStrictEqual(tested.deliveries.takeSettled(), [])
      const other = join(tested, "other")
      assert.deepStrictEqual(tested.acknowledged, [])
      const { texts } = join(tested, "t", 1)
      assert.deepStrictEqual(yield* texts, ["1", "2", "3"])
      assert.isTrue(tested.gate.isOpen)
      assert.strictEqual(other.inbox.size, 0)
    }))

  it.effect("S51 what waits goes in before what is read once somebody has come for it", () =>
    Effect.gen(function*() {
      const tested = make({
        maximumUnclaimed: 2,
        onOpen: () => tested.deliveries.deliver(publish("t", { text: "3", qos: 1 }), arrival(3), 0)
      })
      tested.table.connected({ sessionPresent: true })
      for (const identifier of [1, 2]) {
        tested.deliveries.deliver(publish("t", { text: String(identifier), qos: 1 }), arrival(identifier), 0)
      }
      const { texts } = join(tested, "t", 1)
      assert.deepStrictEqual(yield* texts, ["1", "2", "3"])
    }))

  it("S51 what nobody comes for is acknowledged in the end", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: true })
    tested.deliveries.deliver(publish("t", { text: "1", qos: 1 }), arrival(1), 0)
    tested.deliveries.deliver(publish("t", { text: "2", qos: 1 }), arrival(2), 20)
    assert.strictEqual(tested.deliveries.abandonUnclaimed(10), 1)
    assert.deepStrictEqual(tested.acknowledged, [[1, 0]])
    assert.strictEqual(tested.deliveries.abandonUnclaimed(20), 1)
    assert.deepStrictEqual(tested.acknowledged, [[1, 0], [2, 0]])
  })

  for (const sessionPresent of [true, false]) {
    it(`QoS 0 that nobody takes is dropped and counted, and nobody waits; session present: ${sessionPresent}`, () => {
      const tested = make({ maximumUnclaimed: 2, isPersistent: true })
      tested.table.connected({ sessionPresent })
      join(tested, "t")
      tested.answer(0, 0)
      for (const topic of ["t", "unknown", "unknown", "unknown"]) {
        tested.deliveries.deliver(publish(topic), undefined, 0)
      }
      assert.isTrue(tested.gate.isOpen)
      assert.strictEqual(tested.deliveries.dropped, 3)
    })
  }

  it("QoS 0 of a filter that its last subscriber has just left is dropped, QoS 1 waits", () => {
    const tested = make({ maximumUnclaimed: 2, isPersistent: true })
    tested.table.connected({ sessionPresent: false })
    const first = join(tested, "t", 1)
    tested.answer(0, 1)
    first.leave()
    for (let count = 0; count < 5; count++) tested.deliveries.deliver(publish("t"), undefined, 0)
    tested.deliveries.deliver(publish("t", { qos: 1 }), arrival(1), 0)
    assert.strictEqual(tested.deliveries.dropped, 5)
    assert.isTrue(tested.gate.isOpen)
    assert.strictEqual(join(tested, "t", 1).inbox.size, 1)
    assert.deepStrictEqual(tested.acknowledged, [[1, 0]])
  })

  it("R100 another client's identifier says nothing in a session that began with this client", () => {
    const deliver = (sessionPresent: boolean) => {
      const tested = make()
      tested.table.connected({ sessionPresent })
      const { inbox } = join(tested, "a/b", 1)
      const left = join(tested, "a/+", 1)
      tested.answer(0, 1)
      tested.answer(1, 1)
      left.leave()
      tested.answer(2, 0)
      for (const filter of ["#", "a/+"]) {
        const subscriptionIdentifiers = [SubscriptionIdentifier.make(filter)]
        const message = { ...publish("a/b", { text: filter }), properties: { subscriptionIdentifiers } }
        tested.deliveries.deliver(message, undefined, 0)
      }
      return [inbox.size, tested.deliveries.dropped]
    }
    // The copy of a filter that was left is for nobody: the other one has its own.
    assert.deepStrictEqual(deliver(false), [1, 1])
    assert.deepStrictEqual(deliver(true), [0, 2])
  })

  it("the end is heard by all who wait", () => {
    const tested = make()
    tested.table.connected({ sessionPresent: false })
    const waiting = join(tested, "t")
    tested.table.end(Cause.Done(), fromReason(new Closed()))
    assert.deepStrictEqual(waiting.heard, ["Closed"])
    assert.isTrue(waiting.inbox.hasEnded)
  })
})
