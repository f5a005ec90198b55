/**
 * The session at work: the one holder of Session State, the outbox and the subscriptions, and what the rules ask for
 * done on whatever connection there is.
 *
 * It decides nothing the rules decide, and it neither opens connections nor waits: that is the supervisor's.
 */
import type * as Cause from "effect/Cause"
import * as Ref from "effect/Ref"
import * as MqttError from "../../MqttError.ts"
import type { Stats } from "../../MqttState.ts"
import type { Arrival } from "../../protocol/Arrivals.ts"
import type { SessionPacket } from "../../protocol/Connection.ts"
import type * as Packet from "../../protocol/Packet.ts"
import * as Properties from "../../protocol/Properties.ts"
import type { ProtocolViolation } from "../../protocol/ProtocolError.ts"
import type { ReasonCode } from "../../protocol/ReasonCode.ts"
import * as Session from "../../protocol/Session.ts"
import * as Snapshot from "../../protocol/Snapshot.ts"
import type { SessionConnection } from "../connection/connection.ts"
import * as failures from "../connection/failures.ts"
import * as Traffic from "../connection/traffic.ts"
import type { Resolved } from "../options.ts"
import { Deliveries } from "./deliveries.ts"
import { Fifo } from "./fifo.ts"
import { Gate } from "./gate.ts"
import type { Acknowledging } from "./handover.ts"
import * as Outbox from "./outbox.ts"
import { nobody, type Owner } from "./owner.ts"
import { Publication } from "./publication.ts"
import { RoundTrips } from "./roundTrips.ts"
import * as Subscriptions from "./subscriptions.ts"
import * as Suspicion from "./suspicion.ts"

interface Refused {
  readonly packet: Packet.ClientPacket
  readonly owner: Owner
  readonly error: MqttError.MqttError
}

/** QoS 0 messages of one write. */
interface Leaving {
  readonly publications: ReadonlyArray<Publication>
  /** The network has begun to take them, and has not said that it is done. */
  mayBeOut: boolean
}

/** What goes to the network in one turn, of payload: enough to fill it, little enough to keep the order of things. */
const bytesPerTurn = 256 * 1024

/** With a write for every chunk of 64 KiB, a third of receiving large messages at QoS 1 was spent on writing. */
const answersWorthAWrite = 32

/** What QoS 0 ends with: nobody answers it. */
export const noOutcome: Session.Outcome = { reasonCode: 0x00, reasonCodes: [], properties: Properties.none }

export class SessionRunner implements Subscriptions.Server, Acknowledging {
  readonly session: Ref.Ref<Session.Session<Owner>>
  readonly outbox: Outbox.Outbox<Publication>
  readonly subscriptions: Subscriptions.Subscriptions
  readonly deliveries: Deliveries
  /** Closed while an inbox asks for no more to be read. */
  readonly gate: Gate
  /** Over all connections. */
  readonly traffic = Traffic.make()
  readonly #roundTrips: RoundTrips
  #connections = 0
  #connection: SessionConnection | undefined
  #onResume: (() => void) | undefined
  #answers: Array<Arrival> = []
  /** QoS 0 messages on their way to the network: nobody else would know of them if the connection ended now. */
  #leaving = new Fifo<Leaving>()
  /** Packets the encoder refused. */
  readonly #refused = new Fifo<Refused>()
  #isWithdrawing = false
  /** A subscription waits for a Packet Identifier: all were in use. */
  #lacksIdentifiers = false
  suspicion: Suspicion.Suspicion<Owner> = Suspicion.none
  /** Subscriptions are asked for before any message is sent. */
  #isBeginning = false
  /** The oldest message that a SUBSCRIBE was sent behind. */
  readonly #sentBehind = new WeakMap<Owner, Owner>()
  #isRestored = false

  constructor(options: Resolved) {
    this.session = Ref.makeUnsafe(Session.make<Owner>({
      protocolVersion: options.protocolVersion === "3.1.1" ? "3.1.1" : "5.0",
      maximumInFlight: options.maxInflight,
      receiveMaximum: options.receiveMaximum
    }))
    this.outbox = new Outbox.Outbox<Publication>(options.outbox)
    this.#roundTrips = new RoundTrips(this.traffic)
    this.gate = new Gate(() => this.#onResume?.())
    this.deliveries = new Deliveries(this, { maximumUnclaimed: options.receiveMaximum, gate: this.gate })
    this.subscriptions = new Subscriptions.Subscriptions(this, this.deliveries, {
      isPersistent: options.session !== "clean",
      filtersPerPacket: options.filtersPerSubscribe
    })
  }

  get #state(): Session.Session<Owner> {
    return this.session.ref.current
  }

  get connection(): SessionConnection | undefined {
    return this.#connection
  }

  /** Goes on where a session of an earlier client ended. Those who published in it no longer wait. */
  restore(snapshot: Snapshot.Snapshot): void {
    this.session.ref.current = Snapshot.restore(this.#state, snapshot, nobody)
    this.#isRestored = true
  }

  get isRestored(): boolean {
    return this.#isRestored
  }

  get snapshot(): Snapshot.Snapshot {
    return Snapshot.take(this.#state)
  }

  /** The one in force, or the one that will be tried. */
  get protocolVersion(): Packet.ProtocolVersion {
    return this.#state.protocolVersion
  }

  /** Ours. */
  get receiveMaximum(): number {
    return this.#state.receiveMaximum
  }

  /** The server sent more than that. */
  overrun(): void {
    this.session.ref.current = Session.overrun(this.#state)
  }

  /** Whether a server has accepted a connection, in whichever version. */
  get hasConnected(): boolean {
    return this.#connections > 0
  }

  get stats(): Omit<Stats, "answersDropped"> {
    const { outgoing, republications, window } = this.#state
    const reserved = Session.reserved(this.#state)
    const buffered = this.subscriptions.depth
    return {
      inFlight: outgoing.size - reserved,
      reserved,
      window,
      outboxMessages: this.outbox.size,
      outboxBytes: this.outbox.bytes,
      outboxDropped: this.outbox.dropped,
      expired: this.outbox.expired,
      republications,
      connections: this.#connections,
      reconnects: Math.max(0, this.#connections - 1),
      bufferMessages: buffered.messages,
      bufferBytes: buffered.bytes,
      subscriptionsDropped: this.subscriptions.dropped,
      ...this.traffic
    }
  }

  // -------------------------------------------------------------------------
  // Connections come and go
  // -------------------------------------------------------------------------

  /**
   * Subscriptions go out first, so that what is sent again after the server lost the session reaches them, then what is
   * unfinished, then what waits. `hasSubscriptions` says whether the server is sure to have ours.
   */
  connected(connection: SessionConnection, hasSubscriptions: boolean): void {
    this.#connection = connection
    this.#connections++
    const { connack, limits, protocolVersion } = connection
    const { sessionPresent } = connack
    const { actions, session } = Session.connected(this.#state, {
      protocolVersion,
      sessionPresent,
      isInDoubt: sessionPresent && !hasSubscriptions,
      receiveMaximum: limits.receiveMaximum,
      isWary: this.suspicion.isWary
    }, connection.now())
    this.session.ref.current = session
    this.#isBeginning = true
    this.subscriptions.connected({
      sessionPresent,
      hasSubscriptions,
      takesIdentifiers: protocolVersion === "5.0" && limits.subscriptionIdentifierAvailable
    })
    this.#isBeginning = false
    this.#perform(actions)
    connection.wake()
  }

  disconnected(now: number): void {
    if (this.#connection === undefined) return
    this.#connection = undefined
    this.#roundTrips.disconnected()
    this.#suspect()
    // What was dealt with is decided even though it can no longer be said: at QoS 2 it is said on the next connection.
    this.#apply(Session.acknowledge(this.#state, this.#answers, 0x00, now))
    this.#answers = []
    this.#returnLeaving()
    this.subscriptions.disconnected()
    this.#apply(Session.disconnected(this.#state, now))
    this.#onResume?.()
  }

  #suspect(): void {
    const { quota, window } = this.#state
    this.suspicion = Suspicion.ended(this.suspicion, this.#unanswered, window >= quota)
  }

  /** The packet that was sent first of those that the server has not answered. */
  get #unanswered(): Suspicion.Unanswered<Owner> | undefined {
    const message = Session.oldest(this.#state)
    const { unanswered } = this.subscriptions
    const isSubscribeFirst = unanswered !== undefined && this.#sentBehind.get(unanswered.owner) !== message?.request
    if (isSubscribeFirst || message === undefined) {
      return unanswered && { packet: "SUBSCRIBE", topicFilters: unanswered.topicFilters }
    }
    return { packet: "PUBLISH", owner: message.request, packetIdentifier: message.packetIdentifier }
  }

  /** Gives the suspect up, so that the others can go on. */
  quarantine({ culprit, deaths, packetIdentifier }: Suspicion.Suspect<Owner>, cause: MqttError.MqttError): void {
    this.suspicion = Suspicion.givenUp(this.suspicion)
    const error = (packet: MqttError.Quarantined["packet"], topic: string) =>
      MqttError.fromReason(new MqttError.Quarantined({ packet, topic, attempts: deaths, cause }))
    if (typeof culprit === "string") return this.subscriptions.giveUp(culprit, error("SUBSCRIBE", culprit))
    // The server may have it.
    if (packetIdentifier !== undefined) this.#apply(Session.giveUp(this.#state, packetIdentifier, nobody, 0))
    culprit.failed(error("PUBLISH", culprit instanceof Publication ? culprit.message.topic : ""))
  }

  /** The client is over: everybody who waits hears `error`, streams end as `how` says. */
  end(error: MqttError.MqttError, how: MqttError.MqttError | Cause.Done): void {
    this.#returnLeaving()
    this.outbox.failAll(error)
    this.subscriptions.end(how, error)
    for (const request of Session.requests(this.#state)) request.failed(error)
  }

  // -------------------------------------------------------------------------
  // In
  // -------------------------------------------------------------------------

  /** Packets arrived. Returns the rule the server broke, if it did. */
  receive(packets: ReadonlyArray<SessionPacket>, now: number): ProtocolViolation | undefined {
    this.#roundTrips.received(packets, now)
    const violation = this.#apply(Session.receive(this.#state, packets, now))
    this.#answerTogether(this.deliveries.takeSettled())
    if (this.#lacksIdentifiers) {
      this.#lacksIdentifiers = false
      this.subscriptions.askAgain()
    }
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

  publish(publication: Publication): void {
    this.outbox.offer(publication)
    this.#connection?.wake()
  }

  publishAll(publications: ReadonlyArray<Publication>): void {
    for (const publication of publications) this.outbox.offer(publication)
    this.#connection?.wake()
  }

  /** What was published and is not over. */
  get unfinished(): ReadonlyArray<Publication> {
    const inFlight = Session.requests(this.#state).filter((request) => request instanceof Publication)
    return [...this.outbox.entries, ...this.#leaving.toArray().flatMap(({ publications }) => publications), ...inFlight]
  }

  /** What is to be sent now; called when the network takes more. */
  readonly fill = (): void => {
    const connection = this.#connection
    if (connection === undefined) return
    this.#sendAnswers(connection)
    if (!this.outbox.isEmpty) this.#sendMessages(connection)
    this.subscriptions.askForSuspected()
  }

  #sendMessages(connection: SessionConnection): void {
    const now = connection.now()
    const taken = this.outbox.take({ room: Session.room(this.#state), bytes: bytesPerTurn, now })
    const { allowed, refused } = this.#judge(taken, connection)
    const { actions, session } = Session.publish(this.#state, allowed, now)
    this.session.ref.current = session
    const leaving: Array<Publication> = []
    let isRoundTripDue = this.#roundTrips.isDue(now)
    // One action for each message, in the same order.
    actions.forEach((action, index) => {
      if (action._tag !== "Send") return
      const { packet } = action
      const publication = allowed[index]
      if (!this.#send(connection, packet, publication)) return
      if (publication.message.qos === 0) leaving.push(publication)
      else if (isRoundTripDue && packet._tag === "Publish" && packet.qos === 1) {
        isRoundTripDue = false
        this.#roundTrips.measure(packet.packetIdentifier, now)
      }
    })
    if (leaving.length > 0) this.#leave(connection, leaving)
    this.#withdrawRefused(now)
    // Told last: whoever hears it goes on at once, and may publish again or leave.
    for (const publication of allowed) publication.taken()
    for (const { error, publication } of refused) publication.failed(error)
    // What could not be sent takes no room, and nothing comes back for it that would bring the next ones.
    if (!this.outbox.isEmpty && (refused.length > 0 || Session.room(this.#state) > 0)) connection.wake()
    // Somebody now waits for an answer, which takes reading.
    if (this.#state.owed > 0) this.#onResume?.()
  }

  /** QoS 0 ends when the network took it; until then it is kept, for the case that the connection ends before. */
  #leave(connection: SessionConnection, publications: ReadonlyArray<Publication>): void {
    const leaving = { publications, mayBeOut: false }
    this.#leaving.push(leaving)
    connection.onWritten(() => {
      this.#leaving.shift()
      for (const publication of publications) publication.completed(noOutcome)
    }, () => {
      leaving.mayBeOut = true
    })
  }

  /** At most once: what the server may have got part of, and so all of, is not sent again. The rest has not left. */
  #returnLeaving(): void {
    const cutOff = MqttError.fromReason(
      new MqttError.ConnectionLost({ cause: "it ended while the message was being written" })
    )
    const leaving = this.#leaving.takeAll()
    this.outbox.restore(leaving.filter(({ mayBeOut }) => !mayBeOut).flatMap(({ publications }) => publications))
    for (const { mayBeOut, publications } of leaving) {
      if (mayBeOut) { for (const publication of publications) publication.failed(cutOff) }
    }
  }

  /** What the server's announcements forbid costs no identifier. */
  #judge(publications: ReadonlyArray<Publication>, { limits }: SessionConnection) {
    const refused: Array<{ readonly publication: Publication; readonly error: MqttError.MqttError }> = []
    const allowed = publications.filter((publication) => {
      const error = failures.limitExceeded(limits, publication.message)
      if (error !== undefined) refused.push({ publication, error })
      return error === undefined
    })
    return { allowed, refused }
  }

  /** Says whether the packet could be written. One that could not is no longer in flight, and its owner hears why. */
  #send(connection: SessionConnection, packet: Packet.ClientPacket, publication?: Publication): boolean {
    // What is sent again was judged by the limits of another connection.
    const exceeded = publication === undefined && packet._tag === "Publish"
      ? failures.limitExceeded(connection.limits, packet)
      : undefined
    const invalid = exceeded === undefined ? connection.enqueue(packet) : undefined
    const error = exceeded ?? (invalid === undefined ? undefined : failures.fromInvalid(invalid, packet, connection))
    if (error === undefined) return true
    const owner = publication ?? this.#ownerOf(packet)
    if (owner !== undefined) this.#refused.push({ packet, owner, error })
    return false
  }

  /** Who waits for the outcome of a packet that takes one of our identifiers. */
  #ownerOf(packet: Packet.ClientPacket): Owner | undefined {
    switch (packet._tag) {
      case "Publish":
      case "Subscribe":
      case "Unsubscribe":
        return Session.requestOf(this.#state, packet.packetIdentifier)
      default:
        return undefined
    }
  }

  /** After everything else was sent: what it makes room for comes later in the order. */
  #withdrawRefused(now: number): void {
    if (this.#refused.isEmpty || this.#isWithdrawing) return
    this.#isWithdrawing = true
    for (let refused = this.#refused.shift(); refused !== undefined; refused = this.#refused.shift()) {
      const { error, owner, packet } = refused
      if (packet._tag === "Publish" && packet.dup) {
        this.#apply(Session.giveUp(this.#state, packet.packetIdentifier, nobody, now))
      } else if ("packetIdentifier" in packet && packet.packetIdentifier !== 0) {
        this.#apply(Session.withdraw(this.#state, packet.packetIdentifier, now))
      }
      owner.failed(error)
    }
    this.#isWithdrawing = false
  }

  subscribe(
    { identifier, subscriptions, userProperties }: Subscriptions.Asked,
    request: Owner
  ): void {
    const connection = this.#connection
    if (connection === undefined) return request.abandoned()
    const properties = connection.protocolVersion === "3.1.1" ? Properties.none : {
      ...(identifier === undefined ? undefined : { subscriptionIdentifiers: [identifier] }),
      ...(userProperties === undefined ? undefined : { userProperties })
    }
    const packet = { subscriptions, properties }
    const exceeded = failures.checkSubscribe(connection.limits, packet)
    if (exceeded !== undefined) return request.failed(exceeded)
    const before = this.#isBeginning ? undefined : Session.oldest(this.#state)
    if (before !== undefined) this.#sentBehind.set(request, before.request)
    this.#ask(Session.subscribe(this.#state, { ...packet, request }, connection.now()), request)
  }

  unsubscribe(topicFilters: ReadonlyArray<string>, request: Owner): void {
    const connection = this.#connection
    if (connection === undefined) return request.abandoned()
    const packet = { topicFilters, properties: Properties.none }
    this.#ask(Session.unsubscribe(this.#state, { ...packet, request }, connection.now()), request)
  }

  #ask(step: Session.Step<Owner>, request: Owner): void {
    if (step.actions.length === 0) {
      this.#lacksIdentifiers = true
      return request.abandoned()
    }
    this.#apply(step)
    this.#onResume?.()
  }

  acknowledge(arrivals: ReadonlyArray<Arrival>, reasonCode: ReasonCode): void {
    const connection = this.#connection
    // 3.1.1 has no word for a refusal.
    if (reasonCode !== 0x00 && this.protocolVersion === "5.0") {
      this.#apply(Session.acknowledge(this.#state, arrivals, reasonCode, connection?.now() ?? 0))
    } else {
      // Together, when the network takes more: one step for the many that come in a turn.
      for (const arrival of arrivals) this.#answers.push(arrival)
      connection?.wake()
    }
  }

  /** Few of them wait for those of what has arrived already; with many a server can go on filling its window. */
  #answerTogether(arrivals: ReadonlyArray<Arrival>): void {
    if (arrivals.length === 0) return
    for (const arrival of arrivals) this.#answers.push(arrival)
    if (this.#answers.length < answersWorthAWrite) this.#connection?.wakeAfterReading()
    else this.#connection?.wake()
  }

  #sendAnswers(connection: SessionConnection): void {
    if (this.#answers.length === 0) return
    const answers = this.#answers
    this.#answers = []
    this.#apply(Session.acknowledge(this.#state, answers, 0x00, connection.now()))
  }

  // -------------------------------------------------------------------------
  // Doing what the rules ask for
  // -------------------------------------------------------------------------

  #apply({ actions, session }: Session.Step<Owner>): ProtocolViolation | undefined {
    this.session.ref.current = session
    return this.#perform(actions)
  }

  #perform(actions: ReadonlyArray<Session.Action<Owner>>): ProtocolViolation | undefined {
    // Once for all of them: asking the clock costs as much as delivering.
    let now: number | undefined
    let violation: ProtocolViolation | undefined
    for (const action of actions) {
      if (action._tag === "Send") {
        if (this.#connection !== undefined) this.#send(this.#connection, action.packet)
      } else if (action._tag === "Deliver") {
        now ??= this.#connection?.now() ?? 0
        this.deliveries.deliver(action.publish, action.arrival, now)
      } else if (action._tag === "Violation") {
        violation = action.violation
      }
    }
    this.#withdrawRefused(this.#connection?.now() ?? 0)
    // Those who wait go on last: what they do next comes after all of this.
    for (const action of actions) {
      if (action._tag === "Complete") action.request.completed(action.outcome)
      else if (action._tag === "Abandon") action.request.abandoned()
    }
    return violation
  }
}
