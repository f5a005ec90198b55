/**
 * The moments in which the program is killed, and how each is met.
 *
 * Each starts the program, waits for something that is seen on the network or heard from the program, lets up to so many
 * milliseconds pass, and kills it.
 */
import { Effect, Fiber, type Scope } from "effect"
import type * as Packet from "../../src/protocol/Packet.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

export const moments = ["storing", "sending", "replaying", "starting", "closing", "broker"] as const
export type Moment = typeof moments[number]

/** The broker can be stopped, which it does in order, and started again. */
export interface Broker {
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
}

/** How a program was killed. */
export interface Kill {
  readonly moment: Moment
  readonly detail: string
  /** It had begun to write to its store, and not said that it was done. */
  readonly isStoring: boolean
  /** It had ended by itself before. */
  readonly isLate: boolean
}

/** What one start may publish on each topic, which is more than it gets to. */
const plenty = { messages: 3000 }

/** How long a moment may take to come, milliseconds. */
const patience = 60_000

/** Enough messages to be killed in the midst of their replay. */
const backlog = 60

/** Waits for a condition and then so many milliseconds, and kills. */
const killWhen = Effect.fnUntraced(function*(
  { judge, signal, timeline }: World,
  process: Process,
  kill: Pick<Kill, "moment" | "detail">,
  condition: () => boolean,
  after = 0
) {
  const strike = () => {
    timeline.add(`killed while ${kill.moment}: ${kill.detail}`)
    process.kill()
  }
  const met = yield* signal.until(() => process.isOver || condition(), after === 0 ? strike : undefined).pipe(
    Effect.timeoutOption(patience)
  )
  if (met._tag === "None") {
    judge.violated("stuck", `${kill.moment}, ${kill.detail}: it did not come to that\n${process.errors}`)
  }
  if (after > 0) yield* Effect.sleep(after)
  if (after > 0 || met._tag === "None") strike()
  yield* process.over
  const isLate = process.killedBy !== "SIGKILL"
  if (process.errors !== "") judge.violated("failed", `${kill.moment}, ${kill.detail}: ${process.errors}`)
  else if (isLate && kill.moment !== "closing") judge.violated("failed", `it ended by itself, ${process.exitCode}`)
  return { ...kill, isStoring: process.isStoring, isLate } satisfies Kill
})

/** Packets of the exchanges of QoS 1 and 2, of messages in both directions; those to the program are fewer. */
const steps: ReadonlyArray<readonly [Packet.Sender, Packet.Packet["_tag"], most: number]> = [
  ["client", "Publish", 200],
  ["server", "Puback", 100],
  ["server", "Pubrec", 100],
  ["client", "Pubrel", 100],
  ["server", "Pubcomp", 100],
  ["server", "Publish", 15],
  ["client", "Puback", 8],
  ["client", "Pubrec", 8],
  ["server", "Pubrel", 8],
  ["client", "Pubcomp", 8]
]

type Meet = (world: World, broker: Broker) => Effect.Effect<ReadonlyArray<Kill>, never, Scope.Scope>

const offline = (world: World, detail: string, least: number) =>
  Effect.gen(function*() {
    world.line.refuse()
    const { integer, pick } = world.options.random
    const process = yield* world.start({ ...plenty, burst: pick([30, 300]) })
    const count = integer(least, least * 4)
    const kill = { moment: "storing", detail } as const
    const killed = yield* killWhen(world, process, kill, () => process.said("accepted") >= count, pick([0, 0, 1, 2]))
    yield* world.line.listen()
    return killed
  })

const storing: Meet = (world) => {
  const { chance, integer, pick } = world.options.random
  if (chance(0.4)) return Effect.map(offline(world, "offline", 20), (kill) => [kill])
  const count = integer(1, 60)
  const kill = { moment: "storing", detail: `commit ${count}` } as const
  // Large commits take long enough to be killed inside.
  return Effect.flatMap(world.start({ ...plenty, burst: pick([30, 300, 1000]) }), (process) =>
    Effect.map(
      killWhen(world, process, kill, () => process.said("storing") >= count, pick([0, 0, 0, 1])),
      (kill) => [kill]
    ))
}

const sending: Meet = (world) => {
  const { integer, pick } = world.options.random
  const [sender, packet, most] = pick(steps)
  const count = integer(1, most)
  const kill = { moment: "sending", detail: `${packet} ${count} from the ${sender}` } as const
  return Effect.flatMap(world.start(plenty), (process) =>
    Effect.map(
      killWhen(world, process, kill, () => world.passed(sender, packet) >= count, pick([0, 0, 1, 3])),
      (kill) => [kill]
    ))
}

const replaying: Meet = (world) =>
  Effect.gen(function*() {
    const { chance, integer, pick } = world.options.random
    const kills: Array<Kill> = []
    if (world.left.messages < backlog) {
      kills.push(yield* offline(world, "offline, so that there is something to replay", backlog))
      yield* world.inspect
    }
    const count = integer(1, world.left.messages * 2)
    const kill = { moment: "replaying", detail: `packet ${count} of ${world.left.messages} messages` } as const
    const process = yield* world.start(chance(0.5) ? plenty : { messages: 0 })
    const isMet = () => world.passed("client", "Publish", "Pubrel") >= count
    kills.push(yield* killWhen(world, process, kill, isMet, pick([0, 0, 1, 3])))
    return kills
  })

const starting: Meet = (world) => {
  const { integer, pick } = world.options.random
  const [word, most] = pick([["loaded", 10], ["opening", 3], ["opened", 20], ["state", 20]] as const)
  const kill = { moment: "starting", detail: word } as const
  return Effect.flatMap(world.start(plenty), (process) =>
    Effect.map(
      killWhen(world, process, kill, () => process.said(word) > 0, pick([0, integer(0, most)])),
      (kill) => [kill]
    ))
}

const closing: Meet = (world) =>
  Effect.gen(function*() {
    const { integer, pick } = world.options.random
    const process = yield* world.start(plenty)
    const count = integer(1, 200)
    const isMet = () => process.isOver || process.said("accepted") >= count
    yield* world.signal.until(isMet, process.stop).pipe(Effect.timeoutOption(patience))
    const kill = { moment: "closing", detail: `after ${count} messages` } as const
    const isClosing = () => process.said("closing") > 0
    return [yield* killWhen(world, process, kill, isClosing, integer(0, pick([0, 5, 50, 300])))]
  })

/** The broker goes, and the program soon after it, in the midst of it or when it has stored more. */
const brokerGone: Meet = (world, broker) =>
  Effect.gen(function*() {
    const { chance, integer, pick } = world.options.random
    const process = yield* world.start(plenty)
    const before = integer(1, 200)
    const isMet = () => process.isOver || process.said("accepted") >= before
    yield* world.signal.until(isMet).pipe(Effect.timeoutOption(patience))
    world.timeline.add("broker stopped")
    const stopping = yield* Effect.forkChild(broker.stop, { startImmediately: true })
    const isTogether = chance(0.3)
    const more = isTogether ? 0 : integer(1, 300)
    const kill = { moment: "broker", detail: isTogether ? "with the program" : `stopped for ${more} messages` } as const
    const from = process.said("accepted")
    const isOver = () => process.said("accepted") >= from + more
    const killed = yield* killWhen(world, process, kill, isOver, pick([0, 1, 5, 20]))
    yield* Fiber.join(stopping)
    yield* broker.start
    world.timeline.add("broker back")
    return [killed]
  })

export const meet: Record<Moment, Meet> = { storing, sending, replaying, starting, closing, broker: brokerGone }
