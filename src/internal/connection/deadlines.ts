/**
 * The deadlines of a connection at work: one fiber sleeps until a deadline may be due, and checks whether it is.
 *
 * The rules say when: `protocol/Deadlines` and the modules it names. The client adds the deadlines of its session.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as MqttError from "../../MqttError.ts"
import * as Deadlines from "../../protocol/Deadlines.ts"
import * as KeepAlive from "../../protocol/KeepAlive.ts"
import * as PacketDeadline from "../../protocol/PacketDeadline.ts"
import type { SessionDeadlines } from "./connection.ts"
import type { Ending } from "./ending.ts"
import * as failures from "./failures.ts"

/** A connection whose deadlines are checked. */
export interface Timed {
  readonly ending: Ending
  /** Closing it ends the fiber. */
  readonly scope: Scope.Scope
  /** Milliseconds of a clock that does not jump, as the wall clock does. */
  readonly now: () => number
  /** `undefined` before CONNACK: no PINGREQ may be sent until then. `[MQTT-3.1.0-1]` */
  readonly keepAliveInForce: KeepAlive.KeepAlive | undefined
  /** A client that does not read cannot hear. */
  readonly isPulling: boolean
  readonly sendPing: () => void
  /** Declares the silence so far to be the client's own. */
  readonly excuseSilence: (now: number) => void
}

/** The deadlines of a connection without a session. */
export const noSessionDeadlines: SessionDeadlines = {
  due: () => ({ Response: Infinity, Unclaimed: Infinity }),
  check: () => Effect.void
}

const nothing = (): void => {}

export class ConnectionDeadlines {
  readonly #connection: Timed
  #packet: PacketDeadline.PacketDeadline
  #session = noSessionDeadlines
  /** The one fiber for all deadlines: each fiber is 2 KiB of an idle client. */
  #checking: Fiber.Fiber<void> | undefined
  /** Whether the timer takes a packet that has begun into account. */
  #isSetForPacket = false
  /** Callbacks for the next sign of life. */
  #hearing: Set<() => void> | undefined

  constructor(connection: Timed, packetTimeout: number) {
    this.#connection = connection
    this.#packet = PacketDeadline.make(packetTimeout)
  }

  // -------------------------------------------------------------------------
  // Reports of the reader
  // -------------------------------------------------------------------------

  readingBegan(): void {
    if (this.#packet.begun === undefined) return
    this.#packet = PacketDeadline.resumed(this.#packet, this.#connection.now())
  }

  readingEnded(): void {
    if (this.#packet.begun === undefined) return
    this.#packet = PacketDeadline.paused(this.#packet, this.#connection.now())
  }

  /** Bytes arrived. They may have completed packets, and they end with a whole packet or within one. */
  received(progress: { readonly completed: number; readonly isWithinPacket: boolean }, now: number): void {
    this.#packet = PacketDeadline.received(this.#packet, progress, now)
    if (this.#hearing === undefined) return
    const listeners = this.#hearing
    this.#hearing = undefined
    for (const heard of listeners) heard()
  }

  /** A packet has begun since the timer was set. One timer serves that packet and those after it. */
  get isTimerOutdated(): boolean {
    return !this.#isSetForPacket && this.#packet.begun !== undefined
  }

  /** Completes when anything is heard. */
  get heard(): Effect.Effect<void> {
    return Effect.callback((resume) => Effect.sync(this.onHeard(() => resume(Effect.void))))
  }

  /** Calls `heard` back once, when anything is heard. Returns how to stop. */
  onHeard(heard: () => void): () => void {
    const hearing = this.#hearing ??= new Set()
    hearing.add(heard)
    return () => void hearing.delete(heard)
  }

  // -------------------------------------------------------------------------
  // The timer
  // -------------------------------------------------------------------------

  /** Begins to check, with the deadlines of this session besides the connection's own. */
  check(session: SessionDeadlines): Effect.Effect<void> {
    this.#session = session
    return this.resetTimer
  }

  /**
   * Computes anew which deadline is next. Before CONNACK that is only the deadline of a packet that has begun:
   * `connectTimeout` covers the rest.
   */
  get resetTimer(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#checking?.interruptUnsafe()
      const { ending, scope } = this.#connection
      return Effect.whileLoop({
        while: () => ending.failure === undefined,
        body: () => this.#round(),
        step: nothing
      }).pipe(
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause) ? Effect.void : ending.shutdown(failures.fromCause(cause))
        ),
        Effect.forkIn(scope, { startImmediately: true }),
        Effect.map((fiber) => {
          this.#checking = fiber
        })
      )
    })
  }

  #round(): Effect.Effect<void> {
    const now = this.#connection.now()
    const deadlines = this.#due(now)
    const next = Deadlines.next(deadlines)
    return next <= now
      ? this.#checkDue(deadlines)
      : Effect.flatMap(this.#sleep(next - now), () => this.#checkDue(deadlines))
  }

  #due(now: number): Deadlines.Deadlines {
    this.#isSetForPacket = this.#packet.begun !== undefined
    const { keepAliveInForce } = this.#connection
    const { Response, Unclaimed } = this.#session.due(now)
    return {
      Response,
      Unclaimed,
      KeepAlive: keepAliveInForce === undefined ? Infinity : KeepAlive.deadline(keepAliveInForce),
      Packet: PacketDeadline.deadline(this.#packet, now)
    }
  }

  /** While PINGREQ is unanswered, any sign of life ends the sleep, so the next PINGREQ is due earlier. */
  #sleep(milliseconds: number): Effect.Effect<void> {
    // Timers count whole milliseconds: a timer that fires a fraction too early would only be set again and again.
    const sleep = Effect.sleep(Math.ceil(milliseconds))
    return this.#connection.keepAliveInForce?.pingSent === undefined ? sleep : Effect.raceFirst(sleep, this.heard)
  }

  #checkDue(deadlines: Deadlines.Deadlines): Effect.Effect<void> {
    const now = this.#connection.now()
    const late = now - Deadlines.next(deadlines)
    const [first, ...others] = Deadlines.due(deadlines, now)
    if (first === undefined) return Effect.void
    return others.reduce(
      (checked, name) => Effect.flatMap(checked, () => this.#checkOne(name, now, late)),
      this.#checkOne(first, now, late)
    )
  }

  #checkOne(name: Deadlines.Name, now: number, late: number): Effect.Effect<void> {
    if (this.#connection.ending.failure !== undefined) return Effect.void
    switch (name) {
      case "Response":
      case "Unclaimed":
        return this.#session.check(name, now, late)
      case "KeepAlive":
        return this.#checkKeepAlive(now, late)
      case "Packet":
        return this.#checkPacket(now, late)
    }
  }

  #checkKeepAlive(now: number, late: number): Effect.Effect<void> {
    const { ending, isPulling, keepAliveInForce } = this.#connection
    const verdict = keepAliveInForce === undefined ? "Wait" : KeepAlive.verdict(keepAliveInForce, now, late)
    if (verdict === "Ping") this.#connection.sendPing()
    if (verdict !== "Dead" || keepAliveInForce === undefined) return Effect.void
    if (isPulling) {
      const silentFor = now - keepAliveInForce.lastHeard
      return ending.cut(MqttError.fromReason(new MqttError.KeepAliveTimeout({ silentFor })))
    }
    this.#connection.excuseSilence(now)
    return Effect.void
  }

  #checkPacket(now: number, late: number): Effect.Effect<void> {
    const { timeout } = this.#packet
    const verdict = PacketDeadline.verdict(this.#packet, now, late)
    if (verdict === "Late") this.#packet = PacketDeadline.renewed(this.#packet, now)
    return verdict === "Dead"
      ? this.#connection.ending.cut(MqttError.fromReason(new MqttError.PacketTimeout({ timeout })))
      : Effect.void
  }
}
