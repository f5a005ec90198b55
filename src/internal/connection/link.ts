/**
 * One network connection at work: it sends and receives packets, and carries out the decisions of the pure rules.
 *
 * It implements the connection of `connection.ts`; the public door is `MqttConnection`. `ending.ts` ends it,
 * `deadlines.ts` runs its timer, `batchWriter.ts` writes. It keeps no session and opens nothing.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as MqttError from "../../MqttError.ts"
import * as Connection from "../../protocol/Connection.ts"
import * as Decoder from "../../protocol/Decoder.ts"
import type * as Encoder from "../../protocol/Encoder.ts"
import * as KeepAlive from "../../protocol/KeepAlive.ts"
import type * as Packet from "../../protocol/Packet.ts"
import { none } from "../../protocol/Properties.ts"
import type { InvalidPacket, ProtocolViolation } from "../../protocol/ProtocolError.ts"
import type { ServerLimits } from "../../protocol/ServerLimits.ts"
import * as TopicAliases from "../../protocol/TopicAliases.ts"
import * as Validity from "../../protocol/Validity.ts"
import { answered, authenticate, reauthenticate } from "./authentication.ts"
import { BatchWriter } from "./batchWriter.ts"
import type { DisconnectOptions, LinkOptions, SessionConnection, SessionDeadlines } from "./connection.ts"
import { ConnectionDeadlines, type Timed } from "./deadlines.ts"
import { disconnectPacket, Ending, isTakenAfterEnd } from "./ending.ts"
import * as failures from "./failures.ts"
import { withOwnPayload } from "./ownPayload.ts"
import { pingreq, Pings } from "./pings.ts"

type Packets = ReadonlyArray<Connection.SessionPacket>

/** Nobody sees a connection before its CONNACK. */
const notYetAccepted: Packet.Connack = { _tag: "Connack", sessionPresent: false, reasonCode: 0x00, properties: none }

export class Link implements SessionConnection, Timed {
  readonly #options: LinkOptions
  readonly #clock: Clock.Clock
  readonly #encoder: Encoder.Encoder
  readonly #decoder: Decoder.Decoder
  readonly #writer: BatchWriter
  readonly #deadlines: ConnectionDeadlines
  readonly ending: Ending
  #connection: Connection.Connection
  #connack = notYetAccepted
  /** Made for the first PUBLISH that may have an alias. */
  #topicAliases: TopicAliases.TopicAliases | undefined
  #mostAliases = 0
  /** Present once CONNECT is on its way; ends once the network takes no more. */
  #writing: Fiber.Fiber<void> | undefined
  isPulling = false
  readonly #pings = new Pings()
  /** Packets that came in the same bytes as CONNACK. */
  #early: Packets = []

  constructor(options: LinkOptions, clock: Clock.Clock, scheduler: Scheduler.Scheduler) {
    const { drainTimeout, maximumPacketSize, network, refuses, scope } = options
    const { protocolVersion } = options.connect
    this.#options = options
    this.#clock = clock
    this.#encoder = options.makeEncoder({ protocolVersion })
    this.#decoder = Decoder.makeForClient({ protocolVersion, maximumPacketSize, refuses })
    this.#deadlines = new ConnectionDeadlines(this, options.packetTimeout)
    this.ending = new Ending({ network, scope, drainTimeout, sendLast: (last) => this.#sendLast(last) })
    this.#connection = Connection.make({
      connect: options.connect,
      pingInterval: options.pingInterval,
      responseTimeout: options.responseTimeout,
      now: this.now()
    })
    this.#writer = new BatchWriter({
      encoder: this.#encoder,
      network,
      // After the end nothing is enqueued: a packet would be lost, so it waits for the next connection.
      fill: () => {
        if (this.ending.failure === undefined) options.fill()
      },
      beforeWrite: options.beforeWrite,
      scheduler,
      packetLog: options.packetLog,
      onBatch: (bytes, packets) => {
        options.traffic.bytesSent += bytes
        options.traffic.packetsSent += packets
        this.#connection = Connection.sent(this.#connection, this.now())
      }
    })
  }

  get protocolVersion(): Packet.ProtocolVersion {
    return this.#connection.connect.protocolVersion
  }

  get connack(): Packet.Connack {
    return this.#connack
  }

  get clientId(): string {
    return this.#connack.properties.assignedClientIdentifier ?? this.#connection.connect.clientId
  }

  get keepAlive(): number {
    return this.#connection.keepAlive.interval / 1000
  }

  get limits(): ServerLimits {
    return this.#connection.limits
  }

  get unsent(): number {
    return this.#writer.unsent
  }

  get silence(): number {
    return this.now() - this.#connection.keepAlive.lastHeard
  }

  /** Milliseconds of a clock that does not jump, as the wall clock does. */
  now(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  /** Starts the writer, sends CONNECT, and reads until the server has accepted. */
  get open(): Effect.Effect<void, MqttError.MqttError> {
    return Effect.gen({ self: this }, function*() {
      const invalid = this.#writer.enqueue(this.#options.connect)
      if (invalid !== undefined) return yield* MqttError.fromReason(MqttError.InvalidRequest.from(invalid))
      this.#writing = yield* Effect.forkIn(this.#writes, this.#options.scope, { startImmediately: true })
      while (this.#connack === notYetAccepted) this.#early = yield* this.#read
    })
  }

  get #writes(): Effect.Effect<void> {
    return Effect.catchCause(
      this.#writer.run,
      (cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : this.ending.cut(failures.fromCause(cause))
    )
  }

  // -------------------------------------------------------------------------
  // Out
  // -------------------------------------------------------------------------

  /** A packet enqueued after the end goes nowhere: its sender learns of the end. */
  enqueue(packet: Packet.ClientPacket): InvalidPacket | undefined {
    if (this.ending.failure !== undefined) return undefined
    if (packet._tag === "Publish") return this.#enqueuePublish(packet)
    if (packet._tag === "Pingreq") return this.#enqueuePing("session")
    return packet._tag === "Auth" ? this.#enqueueAuth(packet) : this.#writer.enqueue(packet)
  }

  #enqueuePublish(publish: Packet.Publish): InvalidPacket | undefined {
    if (this.#mostAliases === 0 && publish.properties.topicAlias === undefined) return this.#writer.enqueue(publish)
    const { maximumPacketSize } = this.#connection.limits
    this.#topicAliases ??= TopicAliases.make({ maximum: this.#mostAliases, maximumPacketSize })
    return this.#topicAliases.encode(publish, this.#write)
  }

  readonly #write = (packet: Packet.ClientPacket): InvalidPacket | undefined => this.#writer.enqueue(packet)

  #enqueuePing(by: KeepAlive.Pinging, answered?: Deferred.Deferred<void>): undefined {
    this.#writer.enqueue(pingreq)
    this.#pings.sent(this.now(), answered)
    this.#connection = Connection.pinged(this.#connection, this.now(), by)
  }

  #enqueueAuth(auth: Packet.Auth): InvalidPacket | undefined {
    const invalid = Connection.checkAuth(this.#connection, auth) ?? this.#writer.enqueue(auth)
    if (invalid === undefined) this.#connection = Connection.authSent(this.#connection, auth)
    return invalid
  }

  wake(): void {
    this.#writer.wake()
  }

  wakeAfterReading(): void {
    this.#writer.wakeAfterReading()
  }

  onWritten(written: () => void, begun?: () => void): void {
    this.#writer.onWritten(written, begun)
  }

  send(packet: Packet.ClientPacket): Effect.Effect<void, MqttError.MqttError> {
    return Effect.suspend(() => {
      const { failure } = this.ending
      if (failure !== undefined) return Effect.fail(failure)
      const { connect: { protocolVersion }, limits } = this.#connection
      const exceeded = failures.checkLimits(limits, packet)
      if (exceeded !== undefined) return Effect.fail(exceeded)
      const invalid = this.enqueue(withOwnPayload(packet))
      if (invalid !== undefined) return Effect.fail(failures.fromInvalid(invalid, packet, { limits, protocolVersion }))
      return Effect.raceFirst(this.#written, this.ended)
    })
  }

  get #written(): Effect.Effect<void> {
    return Effect.callback((resume) => this.#writer.onWritten(() => resume(Effect.void)))
  }

  // -------------------------------------------------------------------------
  // In
  // -------------------------------------------------------------------------

  /** The next packets for the session. */
  get pull(): Effect.Effect<Packets, MqttError.MqttError> {
    if (this.#early.length === 0) return this.#read
    return Effect.suspend(() => {
      const early = this.#early
      this.#early = []
      return early.length === 0 ? this.#read : Effect.succeed(early)
    })
  }

  /** Reads until there is something for the session, or an event of the connection. */
  readonly #read: Effect.Effect<Packets, MqttError.MqttError> = Effect.suspend(() => {
    const { failure } = this.ending
    if (failure !== undefined) return Effect.fail(failure)
    const { answersUnread } = failures
    if (this.#writer.isStalled) return Effect.andThen(this.ending.abort(answersUnread), Effect.fail(answersUnread))
    this.isPulling = true
    this.#deadlines.readingBegan()
    return this.#options.network.pull
  }).pipe(
    Effect.onExit(() => {
      this.isPulling = false
      this.#deadlines.readingEnded()
      return Effect.void
    }),
    Effect.mapError((error) => this.ending.end(error)),
    Effect.flatMap((chunks) => this.#receive(chunks))
  )

  #receive(chunks: ReadonlyArray<Uint8Array>): Effect.Effect<Packets, MqttError.MqttError> {
    const packets = chunks.length === 1
      ? this.#decoder.push(chunks[0])
      : chunks.flatMap((chunk) => this.#decoder.push(chunk))
    const now = this.now()
    this.#count(chunks, packets, now)
    const received = this.#judge(this.ending.failure === undefined ? packets : packets.filter(isTakenAfterEnd), now)
    this.#connection = received.connection
    const completed = packets.length + this.#decoder.takePassedOver()
    this.#deadlines.received({ completed, isWithinPacket: this.#decoder.isWithinPacket }, now)
    return this.#deadlines.isTimerOutdated
      ? Effect.flatMap(this.#deadlines.resetTimer, () => this.#handOver(received))
      : this.#handOver(received)
  }

  #count(chunks: ReadonlyArray<Uint8Array>, packets: ReadonlyArray<Packet.Packet>, now: number): void {
    const { packetLog, traffic } = this.#options
    for (const chunk of chunks) traffic.bytesReceived += chunk.length
    traffic.packetsReceived += packets.length
    if (packetLog !== undefined) { for (const packet of packets) packetLog("received", packet) }
    traffic.roundTrip = this.#pings.received(packets, now) ?? traffic.roundTrip
  }

  /** Applies the rules of the connection, then reports the fault that the decoder found behind the packets. */
  #judge(packets: ReadonlyArray<Packet.Packet>, now: number): Connection.Received {
    const { error } = this.#decoder
    const received = Connection.receive(this.#connection, packets as ReadonlyArray<Packet.ServerPacket>, now)
    if (error === undefined || received.connection.phase === "Ended") return received
    const violated = Connection.violate(received.connection, error)
    return { ...violated, packets: received.packets, events: [...received.events, ...violated.events] }
  }

  #handOver({ events, packets }: Connection.Received): Effect.Effect<Packets, MqttError.MqttError> {
    if (events.length === 0) return packets.length === 0 ? this.#read : Effect.succeed(packets)
    return Effect.flatMap(Effect.forEach(events, (event) => this.#onEvent(event), { discard: true }), () => {
      const { failure } = this.ending
      // The session still gets the packets from before the end.
      return packets.length === 0 && failure !== undefined ? Effect.fail(failure) : Effect.succeed(packets)
    })
  }

  #onEvent(event: Connection.Event): Effect.Effect<void, MqttError.MqttError> {
    const { connect } = this.#connection
    switch (event._tag) {
      case "Accepted":
        this.#accepted(event.connack)
        return Effect.void
      case "Authenticating":
        return this.#connack === notYetAccepted
          ? authenticate(answered(event.auth, this.#options, this), this.ending)
          : reauthenticate(answered(event.auth, this.#options, this), this.ending, this.scope)
      case "Refused":
        return this.ending.abort(failures.fromRefusal(event.connack, connect.protocolVersion))
      case "Disconnected":
        return this.ending.abort(failures.fromDisconnect(event.disconnect, this.clientId))
      case "Violated":
        return this.violated(event.violation)
    }
  }

  #accepted(connack: Packet.Connack): void {
    const { maximumPacketSize, topicAliasMaximum } = this.#connection.limits
    this.#connack = connack
    const maximum = Math.min(topicAliasMaximum, this.#options.outgoingTopicAliasMaximum)
    this.#encoder.setMaximumPacketSize(maximumPacketSize)
    this.#mostAliases = maximum
  }

  // -------------------------------------------------------------------------
  // Deadlines
  // -------------------------------------------------------------------------

  checkDeadlines(session: SessionDeadlines): Effect.Effect<void> {
    return this.#deadlines.check(session)
  }

  get scope(): Scope.Scope {
    return this.#options.scope
  }

  get keepAliveInForce(): KeepAlive.KeepAlive | undefined {
    return this.#connack === notYetAccepted ? undefined : this.#connection.keepAlive
  }

  excuseSilence(now: number): void {
    this.#connection = { ...this.#connection, keepAlive: KeepAlive.heard(this.#connection.keepAlive, now) }
  }

  sendPing(): void {
    this.#enqueuePing("connection")
  }

  get ping(): Effect.Effect<void, MqttError.MqttError> {
    return this.#ask((answered) => this.#deadlines.onHeard(() => Deferred.doneUnsafe(answered, Exit.void)))
  }

  get roundTrip(): Effect.Effect<void, MqttError.MqttError> {
    return this.#ask(() => () => {})
  }

  /** `listen` comes before anything can be heard: the fiber that asks may give way to the reader. */
  #ask(listen: (answered: Deferred.Deferred<void>) => () => void): Effect.Effect<void, MqttError.MqttError> {
    return Effect.suspend(() => {
      if (this.failure !== undefined) return Effect.fail(this.failure)
      const answered = Deferred.makeUnsafe<void>()
      const stop = listen(answered)
      this.#enqueuePing("connection", answered)
      const waiting = Effect.raceFirst(Deferred.await(answered), this.ended)
      // The timer may be set for much later, or for nothing at all.
      return Effect.ensuring(Effect.andThen(this.#deadlines.resetTimer, waiting), Effect.sync(stop))
    })
  }

  // -------------------------------------------------------------------------
  // The end
  // -------------------------------------------------------------------------

  get failure(): MqttError.MqttError | undefined {
    return this.ending.failure
  }

  get ended(): Effect.Effect<never, MqttError.MqttError> {
    return this.ending.ended
  }

  get abort(): Effect.Effect<void> {
    return this.ending.abort(failures.closed)
  }

  disconnect({ properties, reasonCode = 0x00 }: DisconnectOptions = {}): Effect.Effect<void, MqttError.MqttError> {
    return Effect.suspend(() => {
      const packet = disconnectPacket(reasonCode, properties)
      const invalid = Validity.checkDisconnect(packet, { protocolVersion: this.protocolVersion, sender: "client" }) ??
        Connection.checkDisconnect(this.#connection, packet)
      return invalid === undefined
        ? this.ending.shutdown(failures.closed, packet)
        : Effect.fail(MqttError.fromReason(MqttError.InvalidRequest.from(invalid)))
    })
  }

  fail(error: MqttError.MqttError, reasonCode = this.#connection.connect.will === undefined ? 0x00 : 0x04) {
    return this.ending.shutdown(error, disconnectPacket(reasonCode))
  }

  /** The server broke a rule. In 5.0 DISCONNECT says which kind, then the connection is closed. `[MQTT-4.13.1-1]`. */
  violated(violation: ProtocolViolation): Effect.Effect<void> {
    return this.fail(MqttError.fromReason(MqttError.ProtocolViolation.from(violation)), violation.reasonCode)
  }

  #sendLast(last: Packet.Disconnect): Effect.Effect<unknown> | undefined {
    const writing = this.#writing
    if (writing === undefined) return undefined
    // It need not wait for CONNACK: a server that has accepted and hears nothing would publish the Will. 3.1.1 cannot
    // express a reason other than 0x00: such a packet is not encoded and so not sent.
    this.#writer.enqueue(last)
    return Effect.raceFirst(this.#written, Fiber.await(writing))
  }
}

export const make = (options: LinkOptions): Effect.Effect<Link> =>
  Effect.withFiber((fiber) =>
    Effect.succeed(new Link(options, fiber.getRef(Clock.Clock), fiber.getRef(Scheduler.Scheduler)))
  )
