/**
 * A network that exists only in memory and in virtual time: connections with latency, and every fault of a network.
 *
 * It provides `MqttTransport` and, for the test, the service `FakeNetwork`, which causes faults and counts connections.
 * The other end is a `Peer`: `MemoryBroker`, `ScriptedServer`, or any function. Time is Effect's `Clock` alone, so on a
 * `TestClock` the same test does the same every time. Inside a connection nothing is reordered or lost, as in TCP: loss
 * is a cut or silence.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { fromReason, type MqttError, type MqttErrorReason, PortRefused } from "../MqttError.ts"
import { MqttTransport, type NetworkConnection } from "../MqttTransport.ts"
import type { Fault, FaultOf } from "./network/Fault.ts"
import * as Link from "./network/Link.ts"
import type { Peer } from "./network/Peer.ts"
import * as Timeline from "./network/Timeline.ts"

export type { Ending } from "./network/Direction.ts"
export type { Direction, Fault, FaultOf } from "./network/Fault.ts"
export type { Traffic } from "./network/Link.ts"
export type { Insight, Peer } from "./network/Peer.ts"

/**
 * Which connections a fault is for: the open ones (`open`), the next one to open (`next`), the open and all later ones
 * (`every`), or the connection with this number (the first is 1).
 *
 * @since 0.1.0
 * @category models
 */
export type Target = "open" | "next" | "every" | number

/**
 * Something that happened, for a person and for comparing runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface LogEntry {
  /** Milliseconds since the network was made. */
  readonly at: number
  /** The number of the connection, or of the attempt if it did not open. */
  readonly connection: number
  readonly event: string
  readonly bytes: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Counters {
  /** Connections that opened. */
  readonly opened: number
  /**
   * Connections the client has let go of, with nothing left to send. If the client leaks none, this ends equal to
   * `opened`.
   */
  readonly closed: number
  /** `opened` without `closed`. */
  readonly open: number
  /** Attempts to open, successful or not. */
  readonly attempts: number
}

/**
 * One connection as the test sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection extends Link.Traffic {
  readonly number: number
  readonly isOpen: boolean
  /** The Server Reference it was opened with; absent if it leads to the transport's own server. */
  readonly serverReference?: string
}

/**
 * Lets a test cause faults in the network and read its counters. Faults without a target are for the open connections.
 *
 * @since 0.1.0
 * @category services
 */
export class FakeNetwork extends Context.Service<FakeNetwork, {
  readonly inject: (fault: Fault, target?: Target) => Effect.Effect<void>
  /** The peer ends the open connections in order. */
  readonly close: Effect.Effect<void>
  /** Both sides of the open connections fail at once. */
  readonly reset: Effect.Effect<void>
  /** Writes on the open connections fail; a read goes on waiting. */
  readonly closed: Effect.Effect<void>
  /** The open connections swallow everything in both directions and answer nothing. */
  readonly drop: Effect.Effect<void>
  /** Writes of the client on the open connections do not complete, and their bytes do not move, until resumed. */
  readonly stallWrites: Effect.Effect<void>
  /** The writes that `stallWrites` has stalled move again. */
  readonly resumeWrites: Effect.Effect<void>
  /** The connection ends once this many bytes of one direction have arrived. Without a target: the next connection. */
  readonly cutAfter: (cut: Omit<FaultOf<"CutAfter">, "_tag">, target?: Target) => Effect.Effect<void>
  /** Another one-way latency, without a target for open and later connections. */
  readonly delay: (latency: Duration.Input, target?: Target) => Effect.Effect<void>
  /** Pieces of at most `size` bytes in both directions, without a target on open and later connections. */
  readonly split: (size: number, target?: Target) => Effect.Effect<void>
  /** Arrived chunks are joined in both directions, without a target on open and later connections. */
  readonly merge: (target?: Target) => Effect.Effect<void>
  /** The next `times` attempts to open fail with `PortRefused` after `failedConnectDelay`. */
  readonly refuseConnect: (times: number) => Effect.Effect<void>
  /** The next `times` attempts to open fail with the reason after `failedConnectDelay`. */
  readonly failConnect: (times: number, reason: MqttErrorReason) => Effect.Effect<void>
  /** The next `times` attempts to open, 1 if not said, neither succeed nor fail. */
  readonly hangConnect: (times?: number) => Effect.Effect<void>
  /** Forgets refusals and hangs that were not used up. */
  readonly allowConnect: Effect.Effect<void>

  /** How many connections were attempted, opened and closed. */
  readonly counters: Effect.Effect<Counters>
  /** Every connection that opened, in order. */
  readonly connections: Effect.Effect<ReadonlyArray<Connection>>
  /** The events of the connections, in order. */
  readonly log: Effect.Effect<ReadonlyArray<LogEntry>>
  /** How much is under way or about to happen; 0 when the network is at rest. */
  readonly pending: Effect.Effect<number>
  /** Waits until `count` connections have opened since the network was made. */
  readonly awaitOpened: (count: number) => Effect.Effect<void>
}>()("effect-mqtt/testing/FakeNetwork") {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** One way; a round trip takes twice as long. 20 milliseconds if not given. */
  readonly latency?: Duration.Input | undefined
  /** How long a successful opening takes. 80 milliseconds if not given. */
  readonly connectDelay?: Duration.Input | undefined
  /** How long a refused opening takes. 160 milliseconds if not given. */
  readonly failedConnectDelay?: Duration.Input | undefined
  /** Bytes the other side has not read above which a write waits. No bound if not given. */
  readonly highWaterMark?: number | undefined
  /** The host of the endpoint it claims to be, with `port`. `broker.test` and 1883 if not given. */
  readonly host?: string | undefined
  readonly port?: number | undefined
}

/**
 * The server's side, run for each connection that opens, in a scope of its own. When it completes, the connection is
 * closed.
 *
 * @since 0.1.0
 * @category models
 */
export type Accept = (peer: Peer) => Effect.Effect<void, never, Scope.Scope>

/** How an attempt to open goes wrong: it fails, or it hangs. */
type Setback = { readonly _tag: "Fail"; readonly reason: MqttErrorReason } | { readonly _tag: "Hang" }

const milliseconds = (duration: Duration.Input | undefined, otherwise: number): number =>
  duration === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(duration))

/** The faults that shape a connection for good: a later fault of the same kind replaces an earlier one. */
const replaces: { readonly [Tag in Fault["_tag"]]?: string } = {
  Delay: "latency",
  Split: "chunking",
  Merge: "chunking",
  Keep: "chunking",
  StallWrites: "writes",
  ResumeWrites: "writes"
}

const withFault = (standing: ReadonlyArray<Fault>, fault: Fault): ReadonlyArray<Fault> => {
  const kind = replaces[fault._tag]
  return [...(kind === undefined ? standing : standing.filter((other) => replaces[other._tag] !== kind)), fault]
}

/**
 * A network and the transport that leads into it, until the scope ends.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(accept: Accept, options: Options = {}) {
  const timeline = yield* Timeline.make
  const scope = yield* Effect.scope
  const runFork = Effect.runForkWith(yield* Effect.context())
  const latency = milliseconds(options.latency, 20)
  const connectDelay = milliseconds(options.connectDelay, 80)
  const failedConnectDelay = milliseconds(options.failedConnectDelay, 160)
  const host = options.host ?? "broker.test"
  const port = options.port ?? 1883
  const started = timeline.now()

  const links: Array<Link.Link> = []
  const references = new Map<number, { readonly serverReference: string }>()
  const log: Array<LogEntry> = []
  const setbacks: Array<Setback> = []
  let standing: ReadonlyArray<Fault> = []
  let forNext: ReadonlyArray<Fault> = []
  let attempts = 0
  let closed = 0
  let openedWaiters: Array<{ readonly count: number; readonly resume: () => void }> = []

  const report = (connection: number, event: string, bytes?: number): void => {
    log.push({ at: timeline.now() - started, connection, event, bytes })
  }

  const connect: Effect.Effect<void, MqttError> = Effect.callback((resume) => {
    const attempt = ++attempts
    const setback = setbacks.shift()
    if (setback?._tag === "Hang") {
      report(attempt, "opening hangs")
      return
    }
    const appointment = setback === undefined
      ? timeline.after(connectDelay, () => timeline.wake(() => resume(Effect.void)))
      : timeline.after(failedConnectDelay, () => {
        report(attempt, `opening failed: ${setback.reason._tag}`)
        timeline.wake(() => resume(Effect.fail(fromReason(setback.reason))))
      })
    return Effect.sync(() => timeline.cancel(appointment))
  })

  const establish = (serverReference: string | undefined): Link.Link => {
    const number = links.length + 1
    if (serverReference !== undefined) references.set(number, { serverReference })
    const link = Link.make({
      number,
      timeline,
      latency,
      highWaterMark: options.highWaterMark ?? Infinity,
      report: (event, bytes) => report(number, event, bytes),
      onClosed: () => {
        closed++
      }
    })
    links.push(link)
    report(number, serverReference === undefined ? "opened" : `opened at ${serverReference}`)
    for (const fault of standing) link.inject(fault)
    for (const fault of forNext) link.inject(fault)
    forNext = []
    const served = Effect.scoped(Effect.suspend(() => accept(link.peer))).pipe(
      Effect.ensuring(link.peer.close),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError(`Serving connection ${number} failed`, cause)
      )
    )
    Fiber.runIn(runFork(served), scope)
    const woken = openedWaiters.filter(({ count }) => count <= number)
    openedWaiters = openedWaiters.filter(({ count }) => count > number)
    for (const { resume } of woken) timeline.wake(resume)
    return link
  }

  const open = (serverReference?: string): Effect.Effect<NetworkConnection, MqttError, Scope.Scope> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        yield* restore(connect)
        const link = establish(serverReference)
        yield* Effect.addFinalizer(() => link.release)
        return link.client
      })
    )

  const inject = (fault: Fault, target: Target = "open"): Effect.Effect<void> =>
    Effect.sync(() => {
      if (target === "next") forNext = [...forNext, fault]
      else if (target === "every") standing = withFault(standing, fault)
      if (target === "next") return
      for (const link of links) {
        if (typeof target === "number" ? link.number === target : link.isHeld()) link.inject(fault)
      }
    })

  const setBack = (times: number, setback: Setback): Effect.Effect<void> =>
    Effect.sync(() => {
      for (let count = 0; count < times; count++) setbacks.push(setback)
    })

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const link of links) {
        if (link.isHeld()) link.inject({ _tag: "Reset" })
      }
    })
  )

  const network = FakeNetwork.of({
    inject,
    close: inject({ _tag: "Close" }),
    reset: inject({ _tag: "Reset" }),
    closed: inject({ _tag: "FailWrites" }),
    drop: inject({ _tag: "Drop" }),
    stallWrites: inject({ _tag: "StallWrites" }),
    resumeWrites: inject({ _tag: "ResumeWrites" }),
    cutAfter: (cut, target = "next") => inject({ _tag: "CutAfter", ...cut }, target),
    delay: (latency, target = "every") => inject({ _tag: "Delay", latency }, target),
    split: (size, target = "every") => inject({ _tag: "Split", size }, target),
    merge: (target = "every") => inject({ _tag: "Merge" }, target),
    refuseConnect: (times) => setBack(times, { _tag: "Fail", reason: new PortRefused({ host, port }) }),
    failConnect: (times, reason) => setBack(times, { _tag: "Fail", reason }),
    hangConnect: (times = 1) => setBack(times, { _tag: "Hang" }),
    allowConnect: Effect.sync(() => {
      setbacks.length = 0
    }),
    counters: Effect.sync(() => ({ opened: links.length, closed, open: links.length - closed, attempts })),
    connections: Effect.sync(() =>
      links.map((link) => ({
        number: link.number,
        isOpen: link.isHeld(),
        ...references.get(link.number),
        ...link.traffic()
      }))
    ),
    log: Effect.sync(() => [...log]),
    pending: Effect.sync(timeline.pending),
    awaitOpened: (count) =>
      Effect.callback<void>((resume) => {
        if (links.length >= count) return resume(Effect.void)
        openedWaiters.push({ count, resume: () => resume(Effect.void) })
      })
  })
  // All servers have `accept` at their other end; only the log records to which of them a connection was opened.
  const transport = MqttTransport.of({ endpoint: `mqtt://${host}:${port}`, open: open(), openAt: open })
  return { network, transport }
})

/**
 * The network as a layer, with `accept` at its other end.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (accept: Accept, options?: Options): Layer.Layer<MqttTransport | FakeNetwork> =>
  Layer.effectContext(
    Effect.map(
      make(accept, options),
      ({ network, transport }) => Context.make(FakeNetwork, network).pipe(Context.add(MqttTransport, transport))
    )
  )
