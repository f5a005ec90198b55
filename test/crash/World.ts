/**
 * One program with its store and its session, the network between it and the broker, and a witness: a client that
 * receives the program's messages, and publishes messages for the program.
 */
import { Context, Effect, type Fiber, Layer, References, Schedule, type Scope, Stream } from "effect"
import * as Path from "node:path"
import { MqttClient, type MqttMessage } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as port from "../brokers/port.ts"
import type * as Random from "../protocol/Random.ts"
import * as Line from "../soak/Line.ts"
import { Timeline } from "../soak/Timeline.ts"
import * as Content from "./content.ts"
import { Judge, type Violation } from "./Judge.ts"
import * as Process from "./Process.ts"
import type { Options as ProgramOptions } from "./program.ts"
import * as Records from "./records.ts"
import { Signal } from "./Signal.ts"
import { nameOf, type Passing, Tap } from "./Tap.ts"

export type Sync = ProgramOptions["sync"]

export interface Options {
  readonly name: string
  readonly version: Packet.ProtocolVersion
  readonly sync: Sync
  /** Of its own. */
  readonly directory: string
  /** Whether the broker delivers the messages of a topic in their order, also to a session that it takes up again. */
  readonly keepsOrder: boolean
  /** Where the broker is now. */
  readonly upstream: () => number | undefined
  readonly random: Random.Random
  readonly now: () => number
  readonly onViolation: (violation: Violation, timeline: ReadonlyArray<string>) => void
}

export interface Starting {
  /** How many messages of each lane it publishes at most; with 0 it only sends what waits, and consumes. */
  readonly messages: number
  /** How many at once, at most. */
  readonly burst?: number
  /** Default: all. */
  readonly lanes?: ReadonlyArray<Content.Lane>
}

/**
 * How wide the window is, and how late commits are, in milliseconds. A message of QoS 2 takes several commits, so a store
 * that is much slower would let too little through a small window.
 */
const paces = [
  { maxInFlight: 5, slowness: 0 },
  { maxInFlight: 50, slowness: 0 },
  { maxInFlight: 50, slowness: 5 },
  { maxInFlight: 500, slowness: 0 },
  { maxInFlight: 500, slowness: 5 },
  { maxInFlight: 500, slowness: 30 }
]

type Mqtt = MqttClient.MqttClient["Service"]

/** Packets that a run has exchanged, by sender and kind. */
type Passed = Map<string, number>

export class World {
  readonly options: Options
  readonly signal = new Signal()
  readonly timeline: Timeline
  readonly judge: Judge
  readonly #tap: Tap
  readonly #witnessTap: Tap
  #passed: Passed = new Map()
  #line: Line.Line | undefined
  /** Until then it publishes for the program. */
  isFeeding = true
  /** What the last run left. */
  left: Records.Left = Records.nothing
  hasStore = false

  constructor(options: Options) {
    this.options = options
    this.timeline = new Timeline(options.name, options.now, 300)
    this.#tap = new Tap(options.version, (passing) => this.#onPacket(passing))
    this.#witnessTap = new Tap(options.version)
    this.judge = new Judge({
      isRepeatedByBroker: (receiver, topic, number) =>
        (receiver === "judge" ? this.#witnessTap : this.#tap).repeatedByBroker.has(nameOf(topic, `${number}`)),
      isLateByBroker: (receiver, topic, number) => {
        if (options.keepsOrder) return false
        const name = nameOf(topic, `${number}`)
        // What it has sent before comes again too, so that the order on one connection says nothing of the program.
        return receiver === "program" || !this.#tap.order.late.has(name)
      },
      onViolation: (violation) => options.onViolation(violation, this.timeline.lines)
    })
  }

  get clientId(): string {
    return `crash-${this.options.name}`
  }

  get #store(): string {
    return Path.join(this.options.directory, "store")
  }

  /** The network of the program. */
  get line(): Line.Line {
    if (this.#line === undefined) throw new Error("There is no network yet")
    return this.#line
  }

  /** How many packets of a kind the run has sent or been sent. */
  passed(sender: Packet.Sender, ...kinds: ReadonlyArray<Packet.Packet["_tag"]>): number {
    return kinds.reduce((sum, kind) => sum + (this.#passed.get(`${sender} ${kind}`) ?? 0), 0)
  }

  #onPacket({ packet, sender }: Passing): void {
    const key = `${sender} ${packet._tag}`
    this.#passed.set(key, (this.#passed.get(key) ?? 0) + 1)
    const identifier = "packetIdentifier" in packet ? ` ${packet.packetIdentifier}` : ""
    const detail = packet._tag === "Publish"
      ? ` QoS ${packet.qos}${packet.dup ? ", DUP" : ""}, ${packet.topic} ${
        new TextDecoder().decode(packet.payload.subarray(0, 9)).split(" ", 1)[0]
      }`
      : packet._tag === "Connack"
      ? packet.sessionPresent ? ", session present" : ", no session"
      : ""
    this.timeline.add(`${key}${identifier}${detail}`)
    if (sender === "client" && packet._tag === "Pubrec") {
      for (const name of this.#tap.answered) this.judge.answered(name)
      this.#tap.answered.clear()
    }
    for (const name of this.#tap.misnamedByBroker) this.judge.misnamed(name)
    this.#tap.misnamedByBroker.clear()
    this.signal.changed()
  }

  /** Lines and the witness, for as long as the scope. */
  get open(): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const { upstream } = this.options
      const { timeline } = this
      this.#line = yield* Line.make({
        timeline,
        upstream,
        tap: this.#tap.connection("server"),
        tapClient: this.#tap.connection("client")
      })
      const line = yield* Line.make({
        timeline: new Timeline("witness", this.options.now),
        upstream,
        tap: this.#witnessTap.connection("server")
      })
      this.#witness = yield* this.#connectWitness(line)
      yield* Effect.forkScoped(this.#hear(this.#witness))
    })
  }

  #witness: Mqtt | undefined
  #isWitnessReady = false
  #hasHeardEnd = false

  #connectWitness(line: Line.Line): Effect.Effect<Mqtt, never, Scope.Scope> {
    const { name, version } = this.options
    return Layer.build(NodeMqtt.layer({
      host: port.host,
      port: line.port,
      clientId: `witness-${name}`,
      protocolVersion: version,
      session: "persistent",
      connectTimeout: "2 seconds",
      reconnect: Schedule.spaced("20 millis"),
      retransmit: Schedule.forever,
      receiveMaximum: 60_000
    })).pipe(
      Effect.map(Context.get(MqttClient.MqttClient)),
      Effect.provideService(References.MinimumLogLevel, "Error"),
      Effect.orDie
    )
  }

  #hear(mqtt: Mqtt): Effect.Effect<void> {
    const { name } = this.options
    const receive = ({ qos, text, topic }: MqttMessage.MqttMessage) =>
      Effect.sync(() => {
        const number = Content.numberOf(text)
        if (topic === Content.end(name)) this.#hasHeardEnd = true
        else if (number === undefined || qos === 0) this.judge.violated("garbled", `${topic} ${text.slice(0, 40)}`)
        else this.judge.delivered(topic, qos, number)
        this.signal.changed()
      })
    return Effect.scoped(Effect.gen({ self: this }, function*() {
      const messages = yield* mqtt.subscribe(Content.outgoingFilter(name), { qos: 2 })
      this.#isWitnessReady = true
      this.signal.changed()
      yield* Stream.runForEach(messages, receive)
    })).pipe(Effect.catchCause((cause) => Effect.sync(() => this.judge.violated("failed", `witness: ${cause}`))))
  }

  get witnessReady(): Effect.Effect<void> {
    return this.signal.until(() => this.#isWitnessReady)
  }

  /** All that the broker has for the witness has arrived. */
  get witnessHasAll(): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      const { name } = this.options
      if (this.#witness === undefined) return Effect.void
      return Effect.andThen(
        this.#witness.publish(Content.end(name), "end", { qos: 2 }),
        this.signal.until(() => this.#hasHeardEnd)
      )
    })
  }

  /** Publishes numbers for the program; what the broker has acknowledged is owed. */
  get feed(): Effect.Effect<Fiber.Fiber<void>, never, Scope.Scope> {
    const { name, random } = this.options
    const feeding = (mqtt: Mqtt, qos: Content.Level) =>
      Effect.gen({ self: this }, function*() {
        const topic = Content.incoming(name, qos)
        for (let number = 1; this.isFeeding; number++) {
          yield* mqtt.publish(topic, Content.textOf(number), { qos })
          this.judge.sent(topic, qos, number)
          yield* Effect.sleep(random.integer(5, 25))
        }
      })
    return Effect.forkScoped(
      Effect.suspend(() => {
        const mqtt = this.#witness
        if (mqtt === undefined) return Effect.void
        return Effect.all([feeding(mqtt, 1), feeding(mqtt, 2)], { concurrency: "unbounded", discard: true })
      }).pipe(Effect.catchCause((cause) => Effect.sync(() => this.judge.violated("failed", `witness: ${cause}`))))
    )
  }

  /** Starts the program. */
  start({ burst = 30, lanes = Content.lanes, messages }: Starting): Effect.Effect<Process.Process, never, Scope.Scope> {
    return Effect.suspend(() => {
      const { directory, name, random, sync, version } = this.options
      this.#passed = new Map()
      this.judge.run++
      this.timeline.add(`run ${this.judge.run} starts`)
      return Process.start(
        {
          world: name,
          port: this.line.port,
          protocolVersion: version,
          directory: this.#store,
          sync,
          ...random.pick(paces),
          base: this.judge.run * Content.numbersOfARun,
          lanes,
          messages,
          burst,
          seed: random.integer(1, 1_000_000)
        },
        Path.join(directory, "compiled"),
        this.signal,
        (words) => this.#onLine(words)
      )
    })
  }

  #onLine([word, qosText, ...rest]: ReadonlyArray<string>): void {
    if (word !== "stored" && word !== "storing") this.timeline.add([word, qosText, ...rest].join(" "))
    if (word === "opened") this.hasStore = true
    const qos = Number(qosText)
    if (qos !== 1 && qos !== 2) return
    const { name } = this.options
    const number = Number(rest.at(-1))
    if (word === "accepted") this.judge.accepted(Content.outgoing(name, qos, rest[0] as Content.Lane), qos, number)
    if (word !== "handled") return
    if (Number.isNaN(number)) this.judge.violated("garbled", `to the program, at QoS ${qos}`)
    else this.judge.handled(Content.incoming(name, qos), qos, number)
  }

  /** Looks into the store after the program has died. */
  get inspect(): Effect.Effect<Records.Left> {
    return Effect.gen({ self: this }, function*() {
      const { clientId, hasStore } = this
      const left = yield* Records.read({ path: this.#store, clientId, mayBeMissing: !hasStore })
      for (const problem of left.problems) this.judge.violated("store", problem)
      this.left = left
      return left
    })
  }
}
