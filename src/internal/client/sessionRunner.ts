/**
 * The session at work: the one holder of Session State, the outbox and the subscriptions, and what the rules ask for
 * done on whatever connection there is.
 *
 * It decides nothing the rules decide, and it neither opens connections nor waits: that is the supervisor's.
 */
import type * as Cause from "effect/Cause"
import * as Ref from "effect/Ref"
import type { MqttConnection } from "../../MqttConnection.ts"
import * as Errors from "../../MqttError.ts"
import type { Resolved } from "../../MqttOptions.ts"
import type { Stats } from "../../MqttState.ts"
import type { Arrival } from "../../protocol/Arrivals.ts"
import type { SessionPacket } from "../../protocol/Connection.ts"
import type * as Packet from "../../protocol/Packet.ts"
import * as Properties from "../../protocol/Properties.ts"
import type { ProtocolViolation } from "../../protocol/ProtocolError.ts"
import type { ReasonCode } from "../../protocol/ReasonCode.ts"
import * as Session from "../../protocol/Session.ts"
import * as failures from "../connection/failures.ts"
import { Gate } from "./inbox.ts"
import * as Outbox from "./outbox.ts"
import * as Subscriptions from "./subscriptions.ts"

/** One publish: it waits in the outbox, then in the session, and hears how it ended. */
export interface Publishing extends Outbox.Entry, Subscriptions.Request {
  /** What the session gives back with the outcome: the publishing itself. */
  readonly request: Subscriptions.Request
}

/** What goes to the network in one turn, of payload: enough to fill it, little enough to keep the order of things. */
const bytesPerTurn = 256 * 1024

/** What QoS 0 ends with: nobody answers it. */
export const noOutcome: Session.Outcome = { reasonCode: 0x00, reasonCodes: [], properties: Properties.none }

export class SessionRunner implements Subscriptions.Server {
  readonly session: Ref.Ref<Session.Session<Subscriptions.Request>>
  readonly outbox: Outbox.Outbox
  readonly subscriptions: Subscriptions.Subscriptions
  /** Closed while an inbox asks for no more to be read. */
  readonly gate: Gate
  #connection: MqttConnection | undefined
  #onResume: (() => void) | undefined
  #answers: Array<Arrival> = []

  constructor(options: Resolved) {
    this.session = Ref.makeUnsafe(Session.make<Subscriptions.Request>({
      protocolVersion: options.protocolVersion === "3.1.1" ? "3.1.1" : "5.0",
      maximumInFlight: options.maxInflight,
      receiveMaximum: options.receiveMaximum
    }))
    this.outbox = new Outbox.Outbox(options.outbox)
    this.subscriptions = new Subscriptions.Subscriptions(this, options.receiveMaximum)
    this.gate = new Gate(() => this.#onResume?.())
  }

  get #state(): Session.Session<Subscriptions.Request> {
    return this.session.ref.current
  }

  get connection(): MqttConnection | undefined {
    return this.#connection
  }

  /** The one in force, or the one that will be tried. */
  get protocolVersion(): Packet.ProtocolVersion {
    return this.#state.protocolVersion
  }

  get stats(): Stats {
    const { connection, outgoing, republications, window } = this.#state
    return {
      inFlight: outgoing.size,
      window,
      outboxMessages: this.outbox.size,
      outboxBytes: this.outbox.bytes,
      outboxDropped: this.outbox.dropped,
      expired: this.outbox.expired,
      republications,
      connections: connection,
      subscriptionsDropped: this.subscriptions.dropped
    }
  }

  // -------------------------------------------------------------------------
  // Connections come and go
  // -------------------------------------------------------------------------

  /** What is unfinished goes out first, then subscriptions, then what waits. */
  connected(connection: MqttConnection): void {
    this.#connection = connection
    const { connack, limits, protocolVersion } = connection
    const { sessionPresent } = connack
    this.#apply(Session.connected(this.#state, {
      protocolVersion,
      sessionPresent,
      receiveMaximum: limits.receiveMaximum,
      now: connection.now()
    }))
    this.subscriptions.connected(sessionPresent)
    connection.wake()
  }

  disconnected(now: number): void {
    if (this.#connection === undefined) return
    this.#connection = undefined
    this.#answers = []
    this.subscriptions.disconnected()
    this.#apply(Session.disconnected(this.#state, now))
    this.#onResume?.()
  }

  /** The client is over: everybody who waits hears `error`, streams end as `how` says. */
  end(error: Errors.MqttError, how: Errors.MqttError | Cause.Done): void {
    this.outbox.failAll(error)
    for (const request of Session.requests(this.#state)) request.failed(error)
    this.subscriptions.end(how, error)
  }

  // -------------------------------------------------------------------------
  // In
  // -------------------------------------------------------------------------

  /** Packets arrived. Returns the rule the server broke, if it did. */
  receive(packets: ReadonlyArray<SessionPacket>, now: number): ProtocolViolation | undefined {
    const violation = this.#apply(Session.receive(this.#state, packets, now))
    const settled = this.subscriptions.takeSettled()
    if (settled.length > 0) this.acknowledge(settled, 0x00)
    if (!this.outbox.isEmpty) this.#connection?.wake()
    return violation
  }

  /** Whether the reader should stop: an inbox is full, and the server owes us nothing that somebody waits for. */
  get shouldPause(): boolean {
    return !this.gate.isOpen && this.#state.owed === 0
  }

  /** Calls back when reading should go on. */
  onResume(resume: () => void): void {
    this.#onResume = () => {
      this.#onResume = undefined
      resume()
    }
  }

  resumed(now: number): void {
    this.session.ref.current = Session.resumed(this.#state, now)
  }

  // -------------------------------------------------------------------------
  // Out
  // -------------------------------------------------------------------------

  publish(publishing: Publishing): void {
    this.outbox.offer(publishing)
    this.#connection?.wake()
  }

  /** What is to be sent now; called when the network takes more. */
  readonly fill = (): void => {
    const connection = this.#connection
    if (connection === undefined) return
    this.#sendAnswers(connection)
    if (!this.outbox.isEmpty) this.#sendMessages(connection)
  }

  #sendMessages(connection: MqttConnection): void {
    const now = connection.now()
    const taken = this.outbox.take({ room: Session.room(this.#state), bytes: bytesPerTurn, now }) as ReadonlyArray<
      Publishing
    >
    const publishings = taken.filter((publishing) => this.#isAllowed(publishing, connection))
    if (publishings.length === 0) return
    const { actions, session } = Session.publish(this.#state, publishings, now)
    this.session.ref.current = session
    const unacknowledged: Array<Publishing> = []
    // One action for each message, in the same order.
    actions.forEach((action, index) => {
      if (action._tag !== "Send") return
      const publishing = publishings[index]
      if (this.#send(connection, action.packet, publishing) && publishing.message.qos === 0) {
        unacknowledged.push(publishing)
      }
    })
    if (unacknowledged.length > 0) {
      connection.onWritten(() => {
        for (const publishing of unacknowledged) publishing.completed(noOutcome)
      })
    }
    // Somebody now waits for an answer, which takes reading.
    if (this.#state.owed > 0) this.#onResume?.()
  }

  #isAllowed(publishing: Publishing, connection: MqttConnection): boolean {
    const exceeded = failures.limitExceeded(connection.limits, publishing.message)
    if (exceeded !== undefined) publishing.failed(exceeded)
    return exceeded === undefined
  }

  /** Says whether the packet could be written; whoever asked for one that could not hears why. */
  #send(connection: MqttConnection, packet: Packet.ClientPacket, request?: Subscriptions.Request): boolean {
    const invalid = connection.enqueue(packet)
    if (invalid === undefined) return true
    const error = failures.fromInvalid(invalid, packet, connection)
    const owner = request ?? this.#requestOf(packet)
    if ("packetIdentifier" in packet && packet.packetIdentifier !== 0) {
      this.#apply(Session.withdraw(this.#state, packet.packetIdentifier, connection.now()))
    }
    owner?.failed(error)
    return false
  }

  #requestOf(packet: Packet.ClientPacket): Subscriptions.Request | undefined {
    return "packetIdentifier" in packet ? Session.requestOf(this.#state, packet.packetIdentifier) : undefined
  }

  subscribe(subscriptions: ReadonlyArray<Packet.Subscription>, request: Subscriptions.Request): void {
    const connection = this.#connection
    if (connection === undefined) return request.abandoned()
    const packet = { subscriptions, properties: Properties.none }
    const exceeded = failures.checkSubscribe(connection.limits, packet)
    if (exceeded !== undefined) return request.failed(exceeded)
    this.#ask(Session.subscribe(this.#state, { ...packet, request, now: connection.now() }), request)
  }

  unsubscribe(topicFilters: ReadonlyArray<string>, request: Subscriptions.Request): void {
    const connection = this.#connection
    if (connection === undefined) return request.abandoned()
    const packet = { topicFilters, properties: Properties.none }
    this.#ask(Session.unsubscribe(this.#state, { ...packet, request, now: connection.now() }), request)
  }

  #ask(step: Session.Step<Subscriptions.Request>, request: Subscriptions.Request): void {
    if (step.actions.length === 0) return request.abandoned()
    this.#apply(step)
    this.#onResume?.()
  }

  acknowledge(arrivals: ReadonlyArray<Arrival>, reasonCode: ReasonCode): void {
    const connection = this.#connection
    if (reasonCode !== 0x00 && connection !== undefined) {
      this.#apply(Session.acknowledge(this.#state, arrivals, reasonCode, connection.now()))
    } else {
      // Together, when the network takes more: one step for the many that come in a turn.
      for (const arrival of arrivals) this.#answers.push(arrival)
      connection?.wake()
    }
  }

  #sendAnswers(connection: MqttConnection): void {
    if (this.#answers.length === 0) return
    const answers = this.#answers
    this.#answers = []
    this.#apply(Session.acknowledge(this.#state, answers, 0x00, connection.now()))
  }

  // -------------------------------------------------------------------------
  // Doing what the rules ask for
  // -------------------------------------------------------------------------

  #apply({ actions, session }: Session.Step<Subscriptions.Request>): ProtocolViolation | undefined {
    this.session.ref.current = session
    let violation: ProtocolViolation | undefined
    for (const action of actions) {
      if (action._tag === "Send") {
        if (this.#connection !== undefined) this.#send(this.#connection, action.packet)
      } else if (action._tag === "Deliver") {
        this.subscriptions.deliver(action.publish, action.arrival)
      } else if (action._tag === "Violation") {
        violation = action.violation
      }
    }
    // Those who wait go on last: what they do next comes after all of this.
    for (const action of actions) {
      if (action._tag === "Complete") action.request.completed(action.outcome)
      else if (action._tag === "Abandon") action.request.abandoned()
    }
    return violation
  }
}
