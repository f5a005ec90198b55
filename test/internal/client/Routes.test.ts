import { assert, describe, it } from "@effect/vitest"
import { Gate } from "../../../src/internal/client/gate.ts"
import type { Addressee } from "../../../src/internal/client/incoming/handover.ts"
import { Inbox } from "../../../src/internal/client/incoming/inbox.ts"
import { type Route, Routes } from "../../../src/internal/client/incoming/routes.ts"
import * as SubscriptionIdentifier from "../../../src/internal/client/incoming/subscriptionIdentifier.ts"
import type { MqttMessage } from "../../../src/MqttMessage.ts"
import type * as Packet from "../../../src/protocol/Packet.ts"

interface Settings {
  readonly qos?: Packet.Qos
  readonly noLocal?: boolean
  readonly retainAsPublished?: boolean
  readonly isGranted?: boolean
}

/** Subscribers by name, each with its filters in the order they were subscribed to. */
const make = (asked: Readonly<Record<string, ReadonlyArray<string>>>, settings: Record<string, Settings> = {}) => {
  const routes = new Routes()
  const names = new Map<Addressee, string>()
  const entries = new Map<string, Route & { isGranted: boolean; readonly subscribers: Array<Addressee> }>()
  for (const [name, filters] of Object.entries(asked)) {
    const inbox = new Inbox<MqttMessage>({
      bounds: { messages: 1, bytes: 1, policy: "suspend" },
      dispatcher: { scheduleTask: (task) => task() },
      gate: new Gate(() => {})
    })
    const subscriber: Addressee = { acknowledges: "onArrival", inbox }
    names.set(subscriber, name)
    for (const topicFilter of filters) {
      const { isGranted = true, noLocal = false, qos = 1, retainAsPublished = false } = settings[topicFilter] ?? {}
      const entry = entries.get(topicFilter) ?? {
        options: { topicFilter, qos, noLocal, retainAsPublished, retainHandling: 0 },
        identifier: SubscriptionIdentifier.make(topicFilter),
        order: entries.size,
        isGranted,
        granted: qos,
        awaited: [],
        subscribers: []
      }
      if (!entries.has(topicFilter)) routes.add(entry)
      entries.set(topicFilter, entry)
      entry.subscribers.push(subscriber)
    }
  }
  /** Who gets a message that names these filters or identifiers; `undefined` when it is a copy of what they have. */
  const find = (
    text: string,
    named: ReadonlyArray<string | number> | undefined,
    { now = 0, qos = 1, retain = false }: { now?: number; qos?: Packet.Qos; retain?: boolean } = {}
  ) =>
    routes.find({
      _tag: "Publish",
      topic: "a/b",
      payload: new TextEncoder().encode(text),
      qos,
      retain,
      dup: false,
      packetIdentifier: 1,
      properties: named === undefined ? {} : {
        subscriptionIdentifiers: named.map((name) =>
          typeof name === "number" ? name : SubscriptionIdentifier.make(name)
        )
      }
    }, now)?.subscribers.map((subscriber) => names.get(subscriber)).sort()
  const grant = (topicFilter: string) => {
    const entry = entries.get(topicFilter)
    if (entry !== undefined) entry.isGranted = true
  }
  return { routes, entries, find, grant }
}

describe("Routes", () => {
  it("R104 go by the topic alone when no identifier came, each subscriber once", () => {
    const { find } = make({ both: ["a/#", "a/b"], one: ["a/+"], other: ["c"] })
    assert.deepStrictEqual(find("1", undefined), ["both", "one"])
    assert.deepStrictEqual(find("1", []), ["both", "one"])
  })

  it("R100 a server that names all that match sends one copy, which is for all of them", () => {
    const { find } = make({ all: ["#"], exact: ["a/b"] })
    assert.deepStrictEqual(find("1", ["a/b", "#"]), ["all", "exact"])
    assert.deepStrictEqual(find("1", ["#", "a/b"]), ["all", "exact"])
  })

  it("R100 R104 a server that sends a copy for each: each gets one of each message", () => {
    const { find } = make({ all: ["#"], exact: ["a/b"] })
    // The first message shows what the server does.
    assert.deepStrictEqual(find("1", ["#"]), ["all", "exact"])
    assert.deepStrictEqual(find("1", ["a/b"]), undefined)
    for (const text of ["2", "2", "3"]) {
      assert.deepStrictEqual(find(text, ["#"]), ["all"])
      assert.deepStrictEqual(find(text, ["a/b"]), ["exact"])
    }
  })

  it("R104 nor is the second copy given out to those of the first, for whom it was not alike then", () => {
    const { find, grant } = make({ all: ["#"], exact: ["a/b"] }, { "a/b": { isGranted: false } })
    assert.deepStrictEqual(find("1", ["#"]), ["all"])
    grant("a/b")
    assert.deepStrictEqual(find("1", ["a/b"]), ["exact"])
    assert.deepStrictEqual(find("2", ["#"]), ["all"])
  })

  it("R104 a filter comes, and another leaves, between two copies: the second is no news all the same", () => {
    const { entries, find, routes } = make({ all: ["#"], exact: ["a/b"], elsewhere: ["c"], later: ["d"] })
    const [elsewhere, later] = [entries.get("c") ?? assert.fail(), entries.get("d") ?? assert.fail()]
    routes.remove(later)
    assert.deepStrictEqual(find("1", ["#"]), ["all", "exact"])
    routes.remove(elsewhere)
    routes.add(later)
    assert.deepStrictEqual(find("1", ["a/b"]), undefined)
    assert.deepStrictEqual(find("2", ["#"]), ["all"])
  })

  it("R104 a filter that came between two like messages shows nothing: its message may be a retained one", () => {
    const { entries, find, routes } = make({ all: ["#"], exact: ["a/b"], some: ["a/+"] })
    const some = entries.get("a/+") ?? assert.fail()
    routes.remove(some)
    assert.deepStrictEqual(find("1", ["#"]), ["all", "exact"])
    routes.add(some)
    assert.isTrue(find("1", ["a/+"], { retain: true })?.includes("some"))
    assert.deepStrictEqual(find("2", ["#"]), ["all", "exact", "some"])
  })

  it("three that overlap: the first message shows it too", () => {
    const { find } = make({ one: ["#"], two: ["a/b"], three: ["a/+"] })
    assert.deepStrictEqual(find("1", ["#"]), ["one", "three", "two"])
    assert.deepStrictEqual(find("1", ["a/b"]), undefined)
    assert.deepStrictEqual(find("1", ["a/+"]), undefined)
    assert.deepStrictEqual(find("2", ["a/+"]), ["three"])
  })

  it("R104 a server that sends one copy and names one subscription: nobody loses a message", () => {
    const { find } = make({ all: ["#"], exact: ["a/b"] })
    for (const text of ["1", "1", "2", "1", "1"]) assert.deepStrictEqual(find(text, ["#"]), ["all", "exact"])
  })

  it("R104 one who has several filters gets a message once, by the one with the highest QoS", () => {
    const { find } = make({ both: ["#", "a/b"], all: ["#"] }, { "#": { qos: 0 } })
    for (const text of ["1", "2"]) {
      assert.deepStrictEqual(find(text, ["#"]), ["all"])
      assert.deepStrictEqual(find(text, ["a/b"]), ["both"])
    }
  })

  it("R104 and by the first of those with the same QoS", () => {
    const { find } = make({ all: ["#"], both: ["+/b", "#", "a/b"] })
    assert.deepStrictEqual(find("1", ["#"]), ["all", "both"])
    assert.deepStrictEqual(find("1", ["a/b"]), undefined)
    assert.deepStrictEqual(find("1", ["+/b"]), undefined)
    assert.deepStrictEqual(find("2", ["a/b"]), [])
    assert.deepStrictEqual(find("2", ["+/b"]), [])
    assert.deepStrictEqual(find("2", ["#"]), ["all", "both"])
  })

  it("a copy that would differ is not given out for another one: the QoS, or the RETAIN flag, may not be its own", () => {
    const { find } = make(
      { all: ["#"], higher: ["a/b"], published: ["a/+"] },
      { "a/b": { qos: 2 }, "a/+": { retainAsPublished: true } }
    )
    for (const [name, filter] of [["all", "#"], ["higher", "a/b"], ["published", "a/+"]] as const) {
      assert.deepStrictEqual(find("1", [filter]), [name])
    }
  })

  it("an identifier of somebody else's numbering says nothing: the topic decides", () => {
    const { find } = make({ all: ["#"], exact: ["a/b"] })
    assert.deepStrictEqual(find("1", [1]), ["all", "exact"])
    assert.deepStrictEqual(find("1", [1, 2]), ["all", "exact"])
  })

  it("what is for a filter that nobody has is for nobody, though other filters match", () => {
    const { find } = make({ all: ["#"] })
    assert.deepStrictEqual(find("1", ["a/b"]), [])
    assert.deepStrictEqual(find("1", ["a/b", "#"]), ["all"])
  })

  it("a shared subscription gets what names it, and nothing of what names others", () => {
    const { find } = make({ plain: ["a/b"], one: ["$share/x/a/b"], other: ["$share/y/a/b"] })
    assert.deepStrictEqual(find("1", ["a/b"]), ["plain"])
    assert.deepStrictEqual(find("1", ["$share/x/a/b"]), ["one"])
    assert.deepStrictEqual(find("1", ["$share/y/a/b"]), ["other"])
    assert.deepStrictEqual(find("1", ["$share/y/a/b", "a/b"]), ["other", "plain"])
  })

  it("No Local, a retained message and a filter that is not granted yet: for those it names", () => {
    const { find } = make(
      { named: ["#"], other: ["a/+"], noLocal: ["a/b"], asking: ["+/b"] },
      { "a/b": { noLocal: true }, "+/b": { isGranted: false } }
    )
    assert.deepStrictEqual(find("0", ["+/b"]), ["asking"])
    assert.deepStrictEqual(find("1", ["#"]), ["named", "other"])
    assert.deepStrictEqual(find("2", ["#"], { retain: true }), ["named"])
    assert.deepStrictEqual(find("2", ["a/+"], { retain: true }), ["other"])
  })

  it("a copy at QoS 0 that got lost is not expected for ever", () => {
    const { find } = make({ all: ["#"], exact: ["a/b"] })
    assert.deepStrictEqual(find("on", ["#"], { qos: 0 }), ["all", "exact"])
    assert.deepStrictEqual(find("on", ["a/b"], { qos: 0, now: 1001 }), ["all", "exact"])
    assert.deepStrictEqual(find("on", ["#"], { qos: 0, now: 1002 }), undefined)
  })

  it("a new session is learnt anew, and one that comes or goes is a new beginning for copies", () => {
    const { find, routes } = make({ all: ["#"], exact: ["a/b"] })
    find("1", ["#"])
    find("1", ["a/b"])
    assert.deepStrictEqual(find("2", ["#"]), ["all"])
    routes.begin()
    assert.deepStrictEqual(find("2", ["#"]), ["all", "exact"])
    routes.begin()
    assert.deepStrictEqual(find("2", ["a/b"]), ["all", "exact"])
  })
})
