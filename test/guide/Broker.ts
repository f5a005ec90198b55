/**
 * The broker of the page: mosquitto, as the page starts it, and where that is not installed the broker in memory. The broker
 * in memory has no TLS, so it stands for a mosquitto with neither certificates nor files.
 */
import { Effect, Exit, Layer, Scope } from "effect"
import { type NodeMqtt, NodeTls } from "../../src/node/index.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as port from "../brokers/port.ts"
import type { Step } from "./page.ts"
import type { Reader } from "./Reader.ts"

/** The ports of the page: that of its first broker, and that of the one with certificates. */
export const [plainPort, tlsPort] = [1883, 8883]

export interface Broker {
  /** A step of the page that is about the broker; `undefined` for all others. */
  readonly follow: (step: Step) => Effect.Effect<void, never, Scope.Scope> | undefined
  readonly stop: Effect.Effect<void>
  readonly startAgain: Effect.Effect<void, never, Scope.Scope>
  /** Another client than the gateway; with mosquitto it needs a certificate of this name. */
  readonly clientOptions: (name: string) => NodeMqtt.Options
}

type PortFor = (named: number) => number

const portOf = (command: string): number => command.includes(`${plainPort}`) ? plainPort : tlsPort

const mosquitto = (reader: Reader, portFor: PortFor): Broker => {
  const listens = (named: number) =>
    port.listening(portFor(named)).pipe(Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () => Effect.die(new Error(`mosquitto does not listen: ${reader.terminals.get("broker")?.printed()}`))
    }))
  const file = (name: string) => `${reader.folder}/certificates/${name}`
  return {
    follow: (step) => {
      if (step._tag === "Start" && step.name === "broker") {
        return Effect.andThen(reader.follow(step), listens(portOf(step.command)))
      }
      // Started by root it becomes a user who may not read the keys.
      return step._tag === "Write" && step.file === "mosquitto.conf" && process.getuid?.() === 0
        ? reader.follow({ ...step, text: `user root\n${step.text}` })
        : undefined
    },
    stop: Effect.suspend(() => Effect.asVoid(reader.stop("broker"))),
    startAgain: Effect.andThen(Effect.suspend(() => reader.startAgain("broker")), listens(tlsPort)),
    clientOptions: (name) => ({
      url: `mqtts://localhost:${portFor(tlsPort)}`,
      tls: NodeTls.fromFiles({ ca: file("ca.pem"), cert: file(`${name}.pem`), key: file(`${name}.key`) })
    })
  }
}

const inMemory = Effect.fnUntraced(function*(reader: Reader, portFor: PortFor) {
  const broker = yield* Effect.provide(MemoryBroker.MemoryBroker, yield* Layer.build(MemoryBroker.layer()))
  let listening = yield* Scope.make()
  const stop = Effect.suspend(() => Scope.close(listening, Exit.void))
  const start = (named: number) =>
    Effect.gen(function*() {
      listening = yield* Scope.make()
      yield* NodeMemoryBroker.listen(broker, { port: portFor(named) }).pipe(Scope.provide(listening))
    })
  yield* Effect.addFinalizer(() => stop)
  const withoutTls = (text: string) => text.replace("mqtts:", "mqtt:").replace(/^MQTT_TLS_.*\n/gm, "")
  const memory: Broker = {
    follow: (step) => {
      if (step._tag === "Start" && step.name === "broker") return start(portOf(step.command))
      if (step._tag === "Stop" && step.name === "broker") return stop
      return step._tag === "Write" && step.file === "gateway.env"
        ? reader.follow({ ...step, text: withoutTls(step.text) })
        : undefined
    },
    stop,
    startAgain: start(tlsPort),
    clientOptions: () => ({ url: `mqtt://localhost:${portFor(tlsPort)}` })
  }
  return memory
})

export const make = (reader: Reader, portFor: PortFor): Effect.Effect<Broker, never, Scope.Scope> =>
  Mosquitto.requirement.isInstalled() ? Effect.succeed(mosquitto(reader, portFor)) : inMemory(reader, portFor)
