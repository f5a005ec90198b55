/**
 * The session at work: it alone holds Session State, the outbox and the subscriptions, and it carries out the actions
 * of the rules on the current connection.
 *
 * The rules make the decisions, and the supervisor opens connections and waits.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { MqttError } from "../../../MqttError.ts"
import type { Arrival } from "../../../protocol/Arrivals.ts"
import type { SessionPacket } from "../../../protocol/Connection.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import type { ProtocolViolation } from "../../../protocol/ProtocolError.ts"
import type { ReasonCode } from "../../../protocol/ReasonCode.ts"
import * as Session from "../../../protocol/Session.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import * as Traffic from "../../connection/traffic.ts"
import type { Resolved } from "../../options.ts"
import { Gate } from "../gate.ts"
import type { Acknowledging } from "../incoming/handover.ts"
import type { Receiver } from "../incoming/receiver.ts"
import { Leaving } from "../outgoing/leaving.ts"
import * as Outbox from "../outgoing/outbox.ts"
import { Publication, type Unfinished } from "../outgoing/publication.ts"
import { nobody, type Owner } from "../owner.ts"
import * as Suspicion from "../suspicion.ts"
import { Acknowledgements, type Answers } from "./acknowledgements.ts"
import type { Announcement } from "./announcement.ts"
import * as FirstSession from "./firstSession.ts"
import type { KeptSession } from "./keptSession.ts"
import { judge, Refusals, trySend, withdrawn } from "./refusals.ts"
import { RoundTrips } from "./roundTrips.ts"
import { isTelling, Suspects } from "./suspects.ts"

/** The parts of a session at work. */
export interface RunnerOptions<R extends Receiver> {
  readonly options: Resolved
  readonly receiver: (session: SessionRunner, options: Resolved) => R
  /** Present if there is a store. */
  readonly kept: KeptSession | undefined
}

/** The rule by which a session requests something from the server. */
type Asking = (
  session: Session.Session<Owner>,
  asked: { readonly request: Owner; readonly isAhead: boolean },
  now: number
) => Session.Step<Owner>

export class SessionRunner<out R extends Receiver = Receiver> implements Acknowledging {
  readonly session: Ref.Ref<Session.Session<Owner>>
  readonly outbox: Outbox.Outbox<Publication>
  readonly subscriptions: R["subscriptions"]
  readonly deliveries: R["deliveries"]
  readonly makeEncoder: R["makeEncoder"]
  /** Closed while an inbox asks to stop reading. */
  readonly gate: Gate
  /** Counts over all connections. */
  readonly traffic = Traffic.make()
  readonly #roundTrips: RoundTrips
  #connections = 0
  #connection: SessionConnection | undefined
  #onResume: (() => void) | undefined
  readonly #acknowledgements = new Acknowledgements()
  readonly #leaving = new Leaving()
  readonly #refusals = new Refusals()
  /** A subscription waits for a Packet Identifier: all were in use. */
  #lacksIdentifiers = false
  suspicion: Suspicion.Suspicion<Owner> = Suspicion.none
  /** Subscriptions are requested before any message is sent. */
  #isBeginning = false
  readonly #suspects = new Suspects()
  /** The very last message: it goes before waiting messages, and nothing is published behind it. */
  goodbye: Announcement | undefined
  /** Present if there is a store. */
  readonly kept: KeptSession | undefined

  constructor({ kept, options, receiver }: RunnerOptions<R>) {
    this.session = Ref.makeUnsafe(FirstSession.make(options, kept))
    this.outbox = kept?.outbox ?? new Outbox.Outbox<Publication>(options.outbox)
    this.kept = kept
    this.#roundTrips = new RoundTrips(this.traffic)
    this.gate = new Gate(() => this.#onResume?.())
    const { deliveries, makeEncoder, subscriptions } = receiver(this, options)
    this.deliveries = deliveries
    this.subscriptions = subscriptions
    this.makeEncoder = makeEncoder
  }

  get #state(): Session.Session<Owner> {
    return Ref.getUnsafe(this.session)
  }

  /** A step of the rules is synchronous, so nothing comes in between: it needs no lock, and no effect to wait for. */
  set #state(session: Session.Session<Owner>) {
    this.session.ref.current = session
  }

  get connection(): SessionConnection | undefined {
    return this.#connection
  }

  /** An earlier program had this session. */
  get isRestored(): boolean {
    return this.kept?.isKnown === true
  }

  /** The version in force, or the version of the next attempt. */
  get protocolVersion(): Packet.ProtocolVersion {
    return this.#state.protocolVersion
  }

  /** Our own. */
  get receiveMaximum(): number {
    return this.#state.receiveMaximum
  }

  /** The server sent more than that. */
  overrun(): void {
    this.#state = Session.overrun(this.#state)
  }

  /** How many connections servers have accepted, in either version. */
  get connections(): number {
    return this.#connections
  }

  // -------------------------------------------------------------------------
  // Connections come and go
  // -------------------------------------------------------------------------

  /**
   * Sends subscriptions first, so that they get messages sent again after the server lost the session. Then come the
   * birth, unfinished messages and waiting messages. `hasSubscriptions` says whether the server is sure to have ours.
   */
  connected(connection: SessionConnection, hasSubscriptions: boolean, birth?: Announcement): void {
    this.#connection = connection
    this.#connections++
    const { connack, limits, protocolVersion } = connection
    const { sessionPresent } = connack
    const { actions } = this.#advance(Session.connected(this.#state, {
      protocolVersion,
      sessionPresent,
      isInDoubt: sessionPresent && !hasSubscriptions,
      receiveMaximum: limits.receiveMaximum,
      isWary: this.suspicion.isWary,
      birth: birth?.message.qos === 0 ? undefined : birth
    }, connection.now()))
    this.#isBeginning = true
    this.subscriptions.connected({
      sessionPresent,
      hasSubscriptions,
      takesIdentifiers: protocolVersion === "5.0" && limits.subscriptionIdentifierAvailable
    })
    this.#isBeginning = false
    if (birth?.message.qos === 0) birth.sendOnce(connection)
    this.#perform(actions)
    connection.wake()
  }

  disconnected(now: number): void {
    const connection = this.#connection
    if (connection === undefined) return
    this.sendCertainAcknowledgements()
    this.#connection = undefined
    this.#roundTrips.disconnected()
    if (isTelling(connection.failure, this.deliveries.offendingTopics.takeOffence())) {
      this.suspicion = this.#suspects.ended(this.suspicion, this.#state)
    }
    // Acknowledgements are decided even though they can no longer be sent: at QoS 2 they leave on the next connection.
    this.#acknowledge(this.#acknowledgements.takeAll(), now)
    this.#leaving.returnTo(this.outbox)
    this.subscriptions.disconnected()
    this.#apply(Session.disconnected(this.#state, now))
    this.#onResume?.()
  }

  /** The server may have the message, and it is not sent again. */
  giveUp(packetIdentifier: Packet.PacketIdentifier): void {
    this.#apply(Session.giveUp(this.#state, packetIdentifier, nobody, 0))
  }

  /** The client is over: all waiting callers hear `error`, streams end as `how` says. */
  end(error: MqttError, how: MqttError | Cause.Done): void {
    this.#leaving.returnTo(this.outbox)
    this.outbox.failAll(error)
    this.subscriptions.end(how, error)
    for (const request of Session.requests(this.#state)) request.failed(error)
  }

  // -------------------------------------------------------------------------
  // In
  // -------------------------------------------------------------------------

  /** Packets arrived. Returns the rule the server broke, if it did. */
  receive(packets: ReadonlyArray<SessionPacket>, now: number): ProtocolViolation | undefined {
    // The server owes an answer to somebody, so the network is read although an inbox is full.
    const isOverrun = !this.gate.isOpen
    this.#roundTrips.received(packets, now)
    const violation = this.#apply(Session.receive(this.#state, packets, now), isOverrun)
    this.#acknowledgements.addWhileReading(this.deliveries.takeSettled(), this.#connection)
    if (this.#lacksIdentifiers) {
      this.#lacksIdentifiers = false
      this.subscriptions.askAgain()
    }
    if (!this.outbox.isEmpty || this.goodbye !== undefined) this.#connection?.wake()
    return violation
  }

  /** Whether the reader should stop: an inbox is full, and nobody waits for an answer of the server. */
  get shouldPause(): boolean {
    return this.gate.isFlooded || (!this.gate.isOpen && !this.gate.isAwaited && this.#state.owed === 0)
  }

  /** Calls back when reading should go on. */
  onResume(resume: () => void): void {
    this.#onResume = () => {
      if (this.gate.isFlooded) return
      this.#onResume = undefined
      resume()
    }
  }

  resumed(now: number): void {
    this.#state = Session.resumed(this.#state, now)
  }

  // -------------------------------------------------------------------------
  // Out
  // -------------------------------------------------------------------------

  publish(publication: Publication): void {
    this.outbox.offer(publication)
    this.#connection?.wake()
  }

  /** Published messages that are not over. */
  get unfinished(): ReadonlyArray<Unfinished> {
    const inFlight = Session.requests(this.#state).filter((request) => request instanceof Publication)
    const all = [...this.outbox.entries, ...this.#leaving.publications, ...inFlight]
    return this.kept === undefined ? all : this.kept.outbox.unfinished(all)
  }

  /** Packets leave once the store has their changes. */
  readonly beforeWrite = () => {
    const barrier = this.kept?.journal.barrier
    return barrier && Effect.tap(barrier, () => Effect.sync(() => this.resumed(this.#connection?.now() ?? 0)))
  }

  #announce(goodbye: Announcement, connection: SessionConnection): void {
    if (goodbye.isSent || Session.isBeginning(this.#state)) return
    if (goodbye.message.qos === 0) return goodbye.sendOnce(connection)
    if (Session.room(this.#state) === 0) return
    goodbye.isSent = true
    this.#apply(Session.announce(this.#state, goodbye, connection.now()))
    this.#onResume?.()
  }

  /** There may be more to send. */
  readonly wake = (): void => this.#connection?.wake()

  /** Enqueues the packets to send now. Called when the network takes more. */
  readonly fill = (): void => {
    const connection = this.#connection
    if (connection === undefined) return
    this.#acknowledge(this.#acknowledgements.takeAll(), connection.now())
    if (this.goodbye !== undefined) this.#announce(this.goodbye, connection)
    else if (!this.outbox.isEmpty && !Session.isBeginning(this.#state)) this.#sendMessages(connection)
    this.subscriptions.askForSuspected()
  }

  #sendMessages(connection: SessionConnection): void {
    const now = connection.now()
    const taken = this.outbox.take({ room: Session.room(this.#state), bytes: Outbox.bytesPerTurn, now })
    const { allowed, refused } = judge(taken, connection)
    const { actions } = this.#advance(Session.publish(this.#state, allowed, now))
    const leaving: Array<Publication> = []
    let isRoundTripDue = this.#roundTrips.isDue(now)
    for (let index = 0; index < actions.length; index++) {
      // One packet for each message, in the same order, and perhaps a PINGREQ behind them.
      const publication: Publication | undefined = allowed[index]
      const packet = actions[index]
      if (!Session.isPacket(packet) || !this.#send(connection, packet, publication)) continue
      if (publication?.message.qos === 0) leaving.push(publication)
      else if (isRoundTripDue && packet._tag === "Publish" && packet.qos === 1) {
        isRoundTripDue = false
        this.#roundTrips.measure(packet.packetIdentifier, now)
      }
    }
    if (leaving.length > 0) this.#leaving.add(leaving, connection)
    this.#withdrawRefused(now)
    // Told last: a publisher that hears of it goes on at once, and may publish again or leave.
    this.sent(allowed)
    for (const { error, publication } of refused) publication.failed(error)
    // An unsent message takes no room, and no answer to it will bring the next messages.
    if (!this.outbox.isEmpty && (refused.length > 0 || Session.room(this.#state) > 0)) connection.wake()
    // Somebody now waits for an answer, so the network must be read.
    if (this.#state.owed > 0) this.#onResume?.()
  }

  /** The messages are on their way. */
  protected sent(publications: ReadonlyArray<Publication>): void {
    for (const publication of publications) publication.taken()
  }

  /** Returns whether the packet could be sent. */
  #send(connection: SessionConnection, packet: Packet.ClientPacket, publication?: Publication): boolean {
    const error = trySend(connection, packet, publication !== undefined)
    if (error !== undefined) this.#refusals.add(packet, error, this.#state, publication)
    return error === undefined
  }

  #withdrawRefused(now: number): void {
    this.#refusals.withdraw((packet) => {
      const step = withdrawn(this.#state, packet, now)
      if (step !== undefined) this.#apply(step)
    })
  }

  /** SUBSCRIBE or UNSUBSCRIBE of these Topic Filters; without a connection, or an identifier, `request` is abandoned. */
  ask(request: Owner, topicFilters: ReadonlyArray<string>, asking: Asking): void {
    const connection = this.#connection
    if (connection === undefined) return request.abandoned()
    this.#suspects.asked(request, topicFilters)
    const step = asking(this.#state, { request, isAhead: this.#isBeginning }, connection.now())
    if (step.actions.length === 0) {
      this.#lacksIdentifiers = true
      return request.abandoned()
    }
    this.#apply(step)
    this.#onResume?.()
  }

  acknowledge(arrivals: ReadonlyArray<Arrival>, reasonCode: ReasonCode): void {
    // 3.1.1 cannot express a refusal.
    if (reasonCode === 0x00 || this.protocolVersion !== "5.0") this.#acknowledgements.add(arrivals, this.#connection)
    else if (this.#connection === undefined) this.#acknowledge([{ arrivals, reasonCode }], 0)
    else this.#acknowledgements.refuse({ arrivals, reasonCode }, this.#connection)
  }

  /** A consumer has ended: its acknowledgements leave before DISCONNECT. */
  confirmAcknowledgements(): void {
    this.#acknowledgements.confirm()
    this.wake()
  }

  /** Runs before DISCONNECT is enqueued. */
  sendCertainAcknowledgements(): void {
    const connection = this.#connection
    if (connection !== undefined) this.#acknowledge(this.#acknowledgements.takeCertain(), connection.now())
  }

  /** Ends exchanges, so their packets have to leave in this turn. */
  #acknowledge(answers: ReadonlyArray<Answers>, now: number): void {
    for (const { arrivals, reasonCode } of answers) {
      this.#apply(Session.acknowledge(this.#state, arrivals, reasonCode, now))
    }
  }

  // -------------------------------------------------------------------------
  // Carrying out actions
  // -------------------------------------------------------------------------

  #apply(step: Session.Step<Owner>, isOverrun = false): ProtocolViolation | undefined {
    return this.#perform(this.#advance(step).actions, isOverrun)
  }

  #advance(step: Session.Step<Owner>): Session.Step<Owner> {
    this.#state = step.session
    if (step.changes.length > 0) this.kept?.keep(step.changes)
    return step
  }

  #perform(actions: ReadonlyArray<Session.Action<Owner>>, isOverrun = false): ProtocolViolation | undefined {
    // Read once for all of them: asking the clock costs as much as delivering.
    let now: number | undefined
    let violation: ProtocolViolation | undefined
    for (const action of actions) {
      if (action._tag === "Deliver") {
        now ??= this.#connection?.now() ?? 0
        this.deliveries.deliver(action.publish, action.arrival, now, isOverrun)
      } else if (action._tag === "Violation") {
        violation = action.violation
      } else if (Session.isPacket(action) && this.#connection !== undefined) {
        this.#send(this.#connection, action)
      }
    }
    this.#withdrawRefused(this.#connection?.now() ?? 0)
    // Waiting callers are told last: anything they do next comes after all of this.
    for (const action of actions) {
      if (action._tag === "Complete") action.request.completed(action.outcome)
      else if (action._tag === "Abandon") action.request.abandoned()
    }
    return violation
  }
}
