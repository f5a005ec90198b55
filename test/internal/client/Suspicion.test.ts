import { assert, describe, it } from "@effect/vitest"
import * as Suspicion from "../../../src/internal/client/suspicion.ts"

type Happened = (self: Suspicion.Suspicion<string>) => Suspicion.Suspicion<string>

/** Owners of messages are objects in the client; their names do here. Topic Filters begin with a slash. */
const publish = (owner: string, packet: "PUBLISH" | "PUBREL" = "PUBLISH"): Suspicion.Unanswered<string> => ({
  packet,
  owner,
  packetIdentifier: 7
})

const subscribe = (...topicFilters: ReadonlyArray<string>): Suspicion.Unanswered<string> => ({
  packet: "SUBSCRIBE",
  topicFilters
})

const unsubscribe = (...topicFilters: ReadonlyArray<string>): Suspicion.Unanswered<string> => ({
  packet: "UNSUBSCRIBE",
  topicFilters
})

const endedWith = (unanswered: Suspicion.Unanswered<string> | undefined, isWindowOpen = true): Happened => (self) =>
  Suspicion.ended(self, unanswered, isWindowOpen)

const answered = (...topicFilters: ReadonlyArray<string>): Happened => (self) => Suspicion.answered(self, topicFilters)

const after = (happened: ReadonlyArray<Happened>): Suspicion.Suspicion<string> =>
  happened.reduce((self: Suspicion.Suspicion<string>, next) => next(self), Suspicion.none)

interface Expected {
  /** As "PUBLISH a 2": packet, culprit, deaths. */
  readonly suspect?: string
  readonly isWary?: boolean
  readonly doubtful?: ReadonlyArray<string>
  readonly setApart?: ReadonlyArray<string>
}

const filters = ["/a", "/b", "/c"]

const cases: ReadonlyArray<readonly [name: string, happened: ReadonlyArray<Happened>, expected: Expected]> = [
  ["nothing has happened", [], {}],
  ["nothing was unanswered", [endedWith(undefined)], {}],
  ["a connection ended with a message", [endedWith(publish("a"))], { suspect: "PUBLISH a 1" }],
  [
    "two in a row with the same message: the next sends one at a time",
    [endedWith(publish("a")), endedWith(publish("a"))],
    { suspect: "PUBLISH a 2", isWary: true }
  ],
  [
    "with another message each time",
    [endedWith(publish("a")), endedWith(publish("b"))],
    { suspect: "PUBLISH b 1" }
  ],
  [
    "a message again after another one counts from one",
    [endedWith(publish("a")), endedWith(publish("b")), endedWith(publish("a"))],
    { suspect: "PUBLISH a 1" }
  ],
  [
    "one that ended while its window still grew is not trusted with more",
    [endedWith(publish("a"), false)],
    { suspect: "PUBLISH a 1", isWary: true }
  ],
  [
    "a connection that ended with nothing unanswered clears the message",
    [endedWith(publish("a")), endedWith(undefined), endedWith(publish("a"))],
    { suspect: "PUBLISH a 1" }
  ],
  [
    "a release is suspected as a message is",
    [endedWith(publish("a", "PUBREL")), endedWith(publish("a", "PUBREL"))],
    { suspect: "PUBREL a 2", isWary: true }
  ],
  ["a connection ended with one filter", [endedWith(subscribe("/a"))], { suspect: "SUBSCRIBE /a 1" }],
  [
    "two with the same filter alone: it is asked for last",
    [endedWith(subscribe("/a")), endedWith(subscribe("/a"))],
    { suspect: "SUBSCRIBE /a 2", doubtful: ["/a"], setApart: ["/a"] }
  ],
  ["with several filters it may be any of them", [endedWith(subscribe("/a", "/b"))], {}],
  [
    "twice with several filters: each is asked for alone",
    [endedWith(subscribe("/a", "/b")), endedWith(subscribe("/a", "/b"))],
    { doubtful: ["/a", "/b"] }
  ],
  [
    "then with one of them alone: only that one waits for the others",
    [endedWith(subscribe("/a", "/b")), endedWith(subscribe("/a", "/b")), endedWith(subscribe("/b"))],
    { suspect: "SUBSCRIBE /b 3", doubtful: ["/a", "/b"], setApart: ["/b"] }
  ],
  [
    "a filter that the server answers is as good as any other",
    [endedWith(subscribe("/a")), endedWith(subscribe("/a")), answered("/a")],
    { suspect: "SUBSCRIBE /a 2" }
  ],
  [
    "and counts from one again",
    [endedWith(subscribe("/a")), endedWith(subscribe("/a")), answered("/a"), endedWith(subscribe("/a"))],
    { suspect: "SUBSCRIBE /a 1" }
  ],
  [
    "an answer for one filter says nothing about another",
    [endedWith(subscribe("/a", "/b")), endedWith(subscribe("/a", "/b")), answered("/a")],
    { doubtful: ["/b"] }
  ],
  [
    "a message and a filter are counted apart: a filter keeps its deaths, a message must be the same in a row",
    [endedWith(publish("a")), endedWith(subscribe("/a")), endedWith(publish("a")), endedWith(subscribe("/a"))],
    { suspect: "SUBSCRIBE /a 2", doubtful: ["/a"], setApart: ["/a"] }
  ],
  [
    "a filter says nothing about messages: the window is not made small for it",
    [endedWith(subscribe("/a"), false)],
    { suspect: "SUBSCRIBE /a 1" }
  ],
  [
    "UNSUBSCRIBE is suspected as SUBSCRIBE is",
    [endedWith(unsubscribe("/a")), endedWith(unsubscribe("/a"))],
    { suspect: "UNSUBSCRIBE /a 2", doubtful: ["/a"], setApart: ["/a"] }
  ],
  [
    "a suspect that is given up no longer waits, and stays doubtful until the server answers",
    [endedWith(subscribe("/a")), endedWith(subscribe("/a")), Suspicion.givenUp],
    { doubtful: ["/a"] }
  ],
  [
    "giving a message up leaves the filters as they are",
    [endedWith(subscribe("/a")), endedWith(subscribe("/a")), endedWith(publish("a")), Suspicion.givenUp],
    { doubtful: ["/a"], setApart: ["/a"] }
  ]
]

describe("Suspicion", () => {
  it.each(cases)("%s", (_, happened, expected) => {
    const self = after(happened)
    const { suspect } = self
    assert.strictEqual(suspect && `${suspect.packet} ${suspect.culprit} ${suspect.deaths}`, expected.suspect)
    assert.strictEqual(self.isWary, expected.isWary ?? false)
    assert.deepStrictEqual(filters.filter((filter) => Suspicion.isDoubtful(self, filter)), [...expected.doubtful ?? []])
    assert.deepStrictEqual(filters.filter((filter) => Suspicion.isSetApart(self, filter)), [...expected.setApart ?? []])
  })

  it("a message has its Packet Identifier, which is reserved when the message is given up", () => {
    assert.strictEqual(after([endedWith(publish("a"))]).suspect?.packetIdentifier, 7)
    assert.isUndefined(after([endedWith(subscribe("/a"))]).suspect?.packetIdentifier)
  })

  it("filters set apart are asked for one after another, in the order in which they were set apart", () => {
    const self = after(
      [subscribe("/b"), subscribe("/b"), subscribe("/a"), subscribe("/a")].map((each) => endedWith(each))
    )
    assert.strictEqual(Suspicion.next(self, () => true), "/b")
    assert.strictEqual(Suspicion.next(self, (filter) => filter !== "/b"), "/a")
    assert.isUndefined(Suspicion.next(self, () => false))
  })

  it("an answer for filters that nobody doubts changes nothing", () => {
    const self = after([endedWith(subscribe("/a"))])
    assert.strictEqual(Suspicion.answered(self, ["/b"]), self)
  })
})
