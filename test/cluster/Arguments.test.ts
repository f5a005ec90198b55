/**
 * The options of `npm run cluster`, its report, and its part of docs/scaling.md. No broker is started.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parse } from "./arguments.ts"
import type { Subject } from "./Cluster.ts"
import * as document from "./document.ts"
import { Failover, type Kind } from "./Failover.ts"
import * as Nats from "./Nats.ts"
import * as report from "./report.ts"
import { subjects } from "./subjects.ts"
import type { Outcome } from "./Trial.ts"

const known = subjects.map(({ name }) => name)

describe("the options of npm run cluster", () => {
  it("are for all brokers, a minute long, unless they say otherwise", () => {
    assert.deepStrictEqual(parse([], known), {
      brokers: [],
      seconds: 60,
      rate: 200,
      requiresAll: false,
      writes: false,
      asksForHelp: false
    })
    assert.deepStrictEqual(
      parse(["--broker", "nats,rabbitmq", "--seconds", "15", "--rate", "300", "--require-all", "--write"], known),
      { brokers: ["nats", "rabbitmq"], seconds: 15, rate: 300, requiresAll: true, writes: true, asksForHelp: false }
    )
  })

  it("say what is wrong with them", () => {
    assert.strictEqual(
      parse(["--broker", "nats,other"], known),
      "--broker: there is no other; there are rabbitmq, nats, ejabberd"
    )
    assert.strictEqual(parse(["--seconds", "soon"], known), "--seconds is a number from 1")
    assert.strictEqual(parse(["--rate", "0"], known), "--rate is a number from 1")
    assert.match(String(parse(["--minutes", "1"], known)), /--minutes/)
  })
})

const subject: Subject = {
  name: "broker",
  title: "Broker",
  install: "broker",
  version: Effect.succeed("1"),
  protocolVersion: "3.1.1",
  losesBecause: () => undefined,
  storage: "on three disks",
  isTelling: () => true,
  form: Effect.die("is not formed")
}

const failoverOf = (kinds: ReadonlyArray<Kind>): Failover => {
  const failover = new Failover()
  for (const kind of kinds) failover.struck({ kind, node: "one", at: 0 }, [{ name: "client", isOfNode: true }])
  failover.wentOn("client", 100, 1500)
  return failover
}

const right: Outcome = {
  subject,
  version: "1",
  seconds: 60,
  probes: [{ question: "a session moves", answer: "yes" }],
  failover: failoverOf(["killed", "cut off", "stopped"]),
  totals: { sent: 10, acknowledged: 10, failed: 0, open: 0, delivered: 10, repeated: 1 },
  losses: [],
  reused: [],
  strays: [],
  ended: [],
  disconnected: [],
  sessions: { resumed: 3, lost: 0 },
  logs: [{ node: "one", lines: ["a word of the broker"] }]
}

const loss = {
  consumer: 1,
  publisher: 0,
  sequence: 7,
  sentAt: 1000,
  acknowledgedAt: 1010,
  trace: "never sent by the broker"
} as const

const failuresOf = (outcome: Outcome) => report.checks(outcome).filter(({ holds }) => !holds).length

describe("the report of npm run cluster", () => {
  it("fails when an acknowledged message is lost, and names it with the log of the broker", () => {
    assert.strictEqual(failuresOf(right), 0)
    const lost = { ...right, losses: [loss] }
    assert.strictEqual(failuresOf(lost), 1)
    const text = report.text(lost)
    assert.include(text, "consumer1 did not get 1 of publisher0, sent from 1.0 s to 1.0 s, never sent by the broker: 7")
    assert.include(text, "one: a word of the broker")
    assert.include(text, "FAILED, 1 of 6")
  })

  it("only tells of a loss where the broker is known to lose messages, and of its own loss in any case", () => {
    const known = { ...right, subject: { ...subject, losesBecause: () => "one disk only" } }
    const lost = { ...known, losses: [loss] }
    assert.strictEqual(failuresOf(lost), 0)
    assert.include(report.text(lost), "1 deliveries were lost by the broker: one disk only")
    assert.strictEqual(failuresOf({ ...known, losses: [{ ...loss, trace: "acknowledged by the client" }] }), 1)
  })

  it("nats-server is known to lose messages before 2.9.16 only", () => {
    const { losesBecause } = Nats.subject
    assert.deepStrictEqual(
      ["2.9.10", "2.9.16", "2.8.4", "2.9.25", "2.10.3", "3.0.0"].map((version) => losesBecause(version) !== undefined),
      [true, false, true, false, false, false]
    )
  })

  it("fails when a fault was left out, a publish did not end, or a client did not go on", () => {
    assert.strictEqual(failuresOf({ ...right, failover: failoverOf(["killed", "stopped"]) }), 1)
    assert.strictEqual(failuresOf({ ...right, totals: { ...right.totals, open: 1 } }), 1)
    assert.strictEqual(failuresOf({ ...right, totals: { ...right.totals, failed: 1 } }), 1)
    assert.strictEqual(failuresOf({ ...right, strays: ["consumer got 0/1"] }), 1)
    assert.strictEqual(failuresOf({ ...right, disconnected: ["client"] }), 1)
    assert.strictEqual(failuresOf({ ...right, ended: ["client: closed"] }), 1)
  })
})

describe("docs/scaling.md", () => {
  const page = Fs.readFileSync(Path.join(import.meta.dirname, "../../docs/scaling.md"), "utf8")

  it("has a place for the tables of a run, which keep the columns of other brokers", () => {
    const updated = document.update(page, [subject], [right])
    assert.include(updated, "|  | Broker 1 |")
    assert.include(updated, "| a session moves | yes |")
    assert.include(updated, "| **deliveries lost** | **0** |")
    assert.include(updated, "its clients go on after | 1.5 s (at most 1.5 s) |")
    const other = { ...right, subject: { ...subject, title: "Other" }, probes: [{ question: "more", answer: "no" }] }
    const both = document.update(updated, [subject, other.subject], [other])
    assert.include(both, "|  | Broker 1 | Other 1 |")
    assert.include(both, "| a session moves | yes | – |\n| more | – | no |")
    assert.include(both, "| **deliveries lost** | **0** | **0** |")
  })

  it("has a column for every broker", () => {
    assert.strictEqual(document.update(page, subjects, []), page)
    const header = page.split("\n").filter((line) => subjects.every(({ title }) => line.includes(` ${title} `)))
    assert.lengthOf(header, 2)
  })
})
