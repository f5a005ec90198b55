/**
 * One case for each call, field and wrong value, in each version, with a connection and without. In each case the call
 * must fail at once with a typed error that names the field, and nothing may change.
 */
import { Cause, Effect, Exit, Fiber, Result, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../../../src/MqttClient.ts"
import * as MqttConnection from "../../../../src/MqttConnection.ts"
import { MqttTransport } from "../../../../src/MqttTransport.ts"
import type { ProtocolVersion } from "../../../../src/protocol/Packet.ts"
import { FakeNetwork, MemoryBroker } from "../../../../src/testing/index.ts"
import { begin, complete, settle } from "../../../support/time.ts"
import { type Arguments, type Call, calls, type On } from "./calls.ts"
import { values } from "./values.ts"

export interface Case {
  readonly call: Call
  readonly version: ProtocolVersion
  readonly isOnline: boolean
  readonly field: string
  readonly value: string
}

export const describeCase = ({ call, field, isOnline, value, version }: Case): string =>
  `${call.name} (${version}, ${isOnline ? "online" : "offline"}) ${field}: ${value}`

const valuesOf = (call: Call, version: ProtocolVersion, isOnline: boolean): ReadonlyArray<Case> =>
  Object.entries(call.fields(version)).flatMap(([field, accepts]) =>
    Object.keys(values).flatMap((value) => accepts(values[value]) ? [] : [{ call, version, isOnline, field, value }])
  )

export const cases: ReadonlyArray<Case> = calls.flatMap((call) =>
  call.versions.flatMap((version) =>
    [true, ...(call.isOnlineOnly === true ? [] : [false])].flatMap((isOnline) => valuesOf(call, version, isOnline))
  )
)

const isList = Array.isArray

/** A copy in which the value stands at the path. */
const replaced = (given: unknown, [name, ...rest]: ReadonlyArray<string>, value: unknown): unknown => {
  const next = rest.length === 0 ? value : replaced((given as Arguments)?.[name], rest, value)
  if (isList(given)) return given.map((item, index) => String(index) === name ? next : item)
  return { ...(given as object), [name]: next }
}

const wrongArguments = ({ call, field, value, version }: Case): Arguments =>
  replaced(call.right(version), field.split("."), values[value]) as Arguments

// ---------------------------------------------------------------------------------------------------------------------
// What a case works with
// ---------------------------------------------------------------------------------------------------------------------

const latency = 1

/** Longer than any call here takes, and shorter than the pause before a ping. */
const patience = 50

interface World extends On {
  readonly network: FakeNetwork.FakeNetwork["Service"]
  readonly broker: MemoryBroker.MemoryBroker["Service"]
  readonly isOnline: boolean
}

const makeWorld = Effect.fnUntraced(function*(version: ProtocolVersion, isOnline: boolean) {
  const broker = yield* MemoryBroker.make({})
  const { network, transport } = yield* FakeNetwork.make(broker.accept, { latency, connectDelay: 1 })
  const client = MqttClient.make({ clientId: "client", protocolVersion: version, session: "persistent", keepAlive: 0 })
  const make = Effect.all([client, MqttConnection.make({ clientId: "own", protocolVersion: version, keepAlive: 0 })])
  const [mqtt, connection] = yield* complete(Effect.provideService(make, MqttTransport, transport))
  // A topic that was used before is not checked again.
  yield* complete(mqtt.publish("t", "before", { qos: 1 }))
  if (!isOnline) {
    yield* network.hangConnect(1_000)
    yield* network.reset
    yield* TestClock.adjust(10)
  }
  const world: World = { mqtt, connection, network, broker, isOnline }
  return { world, transport }
})

/** What a call may change. */
const stateOf = Effect.fnUntraced(function*({ broker, isOnline, mqtt, network }: World) {
  const { inFlight, outboxBytes, outboxDropped, outboxMessages, packetsSent } = yield* mqtt.stats
  // Without a connection the client goes on with its attempts.
  const attempts = isOnline ? (yield* network.counters).attempts : 0
  const packets = (yield* broker.received()).length
  const subscriptions = (yield* broker.session("client"))?.subscriptions.length
  return { inFlight, outboxBytes, outboxDropped, outboxMessages, packetsSent, attempts, packets, subscriptions }
})

const differences = (before: object, after: object): string =>
  Object.entries(after).flatMap(([name, value]) => {
    const was = (before as { readonly [name: string]: unknown })[name]
    return Object.is(was, value) ? [] : [`${name} was ${was} and is ${value}`]
  }).join(", ")

// ---------------------------------------------------------------------------------------------------------------------
// Judging
// ---------------------------------------------------------------------------------------------------------------------

const typed: ReadonlySet<unknown> = new Set(["InvalidRequest", "InvalidOptions", "InvalidPacket", "MqttEncodeError"])

interface Failing {
  readonly _tag?: string
  readonly message?: string
  readonly reason?: Failing
  readonly field?: string
  readonly option?: string
  readonly part?: string
  readonly parameter?: string
}

const nameOf = ({ call, field }: Case): string => call.named?.[field] ?? field.split(".").at(-1) ?? field

/** What is wrong with how it ended, if something is. */
const judge = (one: Case, exit: Exit.Exit<unknown, unknown> | undefined): string | undefined => {
  if (exit === undefined) return "it went on as if all were right"
  if (Exit.isSuccess(exit)) return "it succeeded"
  const error = Cause.findError(exit.cause)
  if (Result.isFailure(error)) return `a defect: ${String(Cause.squash(exit.cause)).split("\n")[0]}`
  const failure = error.success as Failing
  const reason = failure.reason ?? failure
  if (!typed.has(reason._tag)) return `it failed with ${reason._tag}: ${reason.message}`
  const name = nameOf(one)
  // A value that cannot be looked at is told of as that of the whole call.
  if (one.value === "an object that throws") return undefined
  const place = `${reason.field} ${reason.option} ${reason.part} ${reason.parameter} ${reason.message}`.replaceAll(
    " ",
    ""
  )
  return place.toLowerCase().includes(name.toLowerCase())
    ? undefined
    : `its error does not name ${name}: ${reason.message}`
}

/** A message goes its way, or waits for a connection and can be withdrawn, with its bytes counted. */
const works = Effect.fnUntraced(function*({ isOnline, mqtt }: World) {
  const payload = "works"
  const before = yield* mqtt.stats
  const publishing = yield* begin(mqtt.publish("after", payload, { qos: 1 }))
  yield* settle
  if (isOnline) yield* TestClock.adjust(patience)
  const during = yield* mqtt.stats
  const exit = publishing.pollUnsafe()
  if (isOnline && (exit === undefined || Exit.isFailure(exit))) return `a right publish afterwards: ${exit ?? "waits"}`
  if (!isOnline && !(during.outboxBytes - before.outboxBytes >= payload.length)) return "the outbox counts wrong"
  yield* Fiber.interrupt(publishing)
  const after = yield* mqtt.stats
  return Object.is(after.outboxBytes, before.outboxBytes) ? undefined : "the outbox keeps a message that was withdrawn"
})

/** What went wrong in this case. */
const tryOne = Effect.fnUntraced(function*(one: Case, world: World) {
  const before = yield* stateOf(world)
  const scope = yield* Scope.make()
  const calling = Effect.suspend(() => one.call.run(world, wrongArguments(one)))
  const fiber = yield* calling.pipe(Scope.provide(scope), begin)
  yield* settle
  yield* TestClock.adjust(patience)
  const wrong = judge(one, fiber.pollUnsafe())
  yield* complete(Fiber.interrupt(fiber))
  const closing = yield* Effect.exit(complete(Scope.close(scope, Exit.void)))
  yield* TestClock.adjust(patience)
  const changed = differences(before, yield* stateOf(world))
  return [
    wrong,
    Exit.isFailure(closing) ? `a defect at the end: ${String(Cause.squash(closing.cause))}` : undefined,
    changed === "" ? undefined : `changed: ${changed}`,
    yield* works(world)
  ].filter((text) => text !== undefined)
})

/** Whether the call is right but for the values that are put into it. */
const tryRight = Effect.fnUntraced(function*({ call, version }: Case, world: World) {
  if (call.isUnanswered === true) return []
  const scope = yield* Scope.make()
  const fiber = yield* Effect.suspend(() => call.run(world, call.right(version) as Arguments)).pipe(
    Scope.provide(scope),
    begin
  )
  yield* settle
  yield* TestClock.adjust(patience)
  const exit = fiber.pollUnsafe()
  yield* complete(Fiber.interrupt(fiber))
  yield* complete(Scope.close(scope, Exit.void))
  return exit !== undefined && Exit.isFailure(exit) ? [`${call.name} fails with what is right: ${exit.cause}`] : []
})

export interface Finding {
  readonly index: number
  readonly problems: ReadonlyArray<string>
}

export interface Progress {
  /** Before each case. */
  readonly began: (index: number) => void
  readonly found: (finding: Finding) => void
}

const isSameWorld = (one: Case, other: Case | undefined): boolean =>
  other !== undefined && one.call === other.call && one.version === other.version && one.isOnline === other.isOnline

/** The cases of one client, until one of them breaks it. Says where to go on. */
const runWorld = Effect.fnUntraced(function*(from: number, to: number, progress: Progress) {
  const first = cases[from]
  const { transport, world } = yield* makeWorld(first.version, first.isOnline)
  const within = Effect.provideService(MqttTransport, transport)
  for (let index = from; index < to && isSameWorld(first, cases[index]); index++) {
    progress.began(index)
    const problems = yield* within(tryOne(cases[index], world))
    if (problems.length === 0) continue
    progress.found({ index, problems })
    return index + 1
  }
  const problems = yield* within(tryRight(first, world))
  if (problems.length > 0) progress.found({ index: from, problems })
  return cases.findIndex((one, index) => index >= to || (index > from && !isSameWorld(first, one)))
})

/** The cases from `from` on; what breaks a client does not break the next one. */
export const run = (from: number, to: number, progress: Progress): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let index = from; index >= 0 && index < to;) {
      const scope = yield* Scope.make()
      index = yield* Scope.provide(runWorld(index, to, progress), scope)
      yield* complete(Scope.close(scope, Exit.void))
    }
  }).pipe(Effect.orDie)
