/**
 * Shows that the simulation finds bugs: plants one at a time into a copy of the sources and looks for the first seed
 * that notices.
 *
 * The bugs are textual patches, and the sources themselves are never touched. A patch that no longer fits says so.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import * as Batch from "./Batch.ts"
import type { Bug } from "./Bug.ts"
import { jobBugs } from "./calls/jobBugs.ts"
import { crashBugs } from "./crash/crashBugs.ts"
import { serverBugs } from "./server/bugs.ts"

export const bugs: ReadonlyArray<Bug> = [
  {
    name: "an identifier in flight is used again",
    file: "protocol/PacketIdentifiers.ts",
    from: "const identifier = nextFree(root, this.#last + 1) || nextFree(root, 1)",
    to: "const identifier = (root.count % maximum) + 1"
  },
  {
    name: "DUP is forgotten",
    file: "protocol/Outgoing.ts",
    from: "sendPublish(draft, packetIdentifier, outgoing.message, outgoing.sentOn !== 0)",
    to: "sendPublish(draft, packetIdentifier, outgoing.message, false)"
  },
  {
    name: "the second of two pipelined messages is dropped on reconnect",
    file: "protocol/Outgoing.ts",
    from: "birth === undefined ? publishes :",
    to: "birth === undefined ? publishes.filter((_, index) => index !== 1) :"
  },
  {
    name: "consume acknowledges before the hand-over",
    file: "internal/client/incoming/deliveries.ts",
    from: "const item = new Delivery(new MqttMessage(publish), handover)",
    to: "handover?.settle(0x00)\n    const item = new Delivery(new MqttMessage(publish), undefined)"
  },
  {
    name: "everything is subscribed to again although the session is present",
    file: "internal/client/incoming/subscriptions.ts",
    from: "else if (!hasSubscriptions || mayBeForgotten(entry)) entry.status = \"unknown\"",
    to: "else entry.status = \"unknown\""
  },
  {
    name: "an interrupted publish leaves its message behind",
    file: "internal/client/calls/publisher.ts",
    from: "if (this.#runner.outbox.withdraw(publication)) publication.withdrawn()",
    to: "if (publication === undefined) return"
  },
  {
    name: "the limits of the first connection stay",
    file: "protocol/Session.ts",
    from: "draft.quota = Math.min(draft.maximumInFlight, options.receiveMaximum)",
    to: "draft.quota = draft.quota || Math.min(draft.maximumInFlight, options.receiveMaximum)"
  },
  {
    name: "the back-off starts anew with every connection",
    file: "internal/client/connecting/supervisor.ts",
    from: "if (now - since >= Duration.toMillis(this.#options.stableAfter))",
    to: "if (now >= since)"
  },
  {
    name: "a QoS 2 message that comes again is delivered again",
    file: "protocol/Incoming.ts",
    from: "  if (known === undefined) {\n    draft.actions.push({ _tag: \"Deliver\"",
    to:
      "  if (known?.connection !== connection || known.answer === undefined || true) {\n    draft.actions.push({ _tag: \"Deliver\""
  },
  {
    name: "deadlines count in wall-clock time",
    file: "internal/connection/link.ts",
    from: "return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6",
    to: "return Number(this.#clock.currentTimeNanosUnsafe()) / 1e6"
  },
  {
    name: "who waits in the outbox is not told that the client is closed",
    file: "internal/client/session/sessionRunner.ts",
    from: "this.outbox.failAll(error)",
    to: ""
  },
  {
    name: "PINGREQ is sent too late",
    file: "protocol/KeepAlive.ts",
    from: "Math.min(options.pingInterval || Infinity, longest / 4)",
    to: "options.interval * 2"
  },
  {
    name: "flush waits for a message that was withdrawn",
    file: "internal/client/calls/publisher.ts",
    from: "if (this.#runner.outbox.withdraw(publication)) publication.withdrawn()",
    to: "if (this.#runner.outbox.withdraw(publication)) return"
  },
  {
    name: "connecting has no timeout",
    file: "internal/connection/opening.ts",
    from: "duration: timeout,",
    to: "duration: timeout * 100,"
  },
  {
    name: "acknowledgements overtake each other",
    file: "protocol/Outgoing.ts",
    from: "const inOrder = (all: typeof publishes) => all.sort((a, b) => a[0] - b[0])",
    to: "const inOrder = (all: typeof publishes) => all.sort((a, b) => b[0] - a[0])"
  },
  {
    name: "who comes back is granted with what was granted to one who has left",
    file: "internal/client/incoming/subscribedFilter.ts",
    from:
      "for (const { waiting } of this.#members.values()) if (waiting === undefined) return this.#grantHeld([])\n    return nobody",
    to: "return this.#grantHeld([])"
  },
  {
    name: "the options of one who has left are in conflict with those of the next",
    file: "internal/client/incoming/subscribedFilter.ts",
    from: "for (const { options } of this.#members.values()) {",
    to: "for (const options of [this.options]) {"
  },
  {
    name: "only the first run of a stream hears its end",
    file: "internal/client/incoming/inbox.ts",
    from: "      resume(this.pull)\n    }\n  }",
    to: "      resume(this.pull)\n      if (this.#end !== undefined) return\n    }\n  }"
  },
  {
    name: "a handler that interrupts itself ends its consumer, whatever that was told",
    file: "internal/client/calls/handling.ts",
    from: "if (onFailure === \"stop\") {",
    to: "if (onFailure === \"stop\" || Cause.hasInterrupts(cause)) {"
  },
  {
    name: "who follows a topic that another one subscribes to is not sent the retained message",
    file: "internal/client/incoming/subscribedFilter.ts",
    from: "if (member.asksForRetained === true && !asked.includes(member)) return []",
    to: ""
  },
  {
    name: "Correlation Data is a number",
    file: "internal/client/calls/requests.ts",
    from: "const correlationData = this.#drawCorrelationData()",
    to:
      "const correlationData = new Uint8Array(correlationLength).fill(answers.waiting.size + 1, correlationLength - 1)"
  },
  ...serverBugs,
  ...jobBugs
]

/** As many as a run of `npm test` has. */
const seeds = 500

const repository = Path.resolve(import.meta.dirname, "../..")

/** A copy of what a simulation needs, in which nothing but `src` can differ. */
export const copyTo = (folder: string): void => {
  for (const part of ["package.json", "src", "test/simulation", "test/support", "test/protocol/Random.ts"]) {
    Fs.cpSync(Path.join(repository, part), Path.join(folder, part), { recursive: true })
  }
  Fs.symlinkSync(Path.join(repository, "node_modules"), Path.join(folder, "node_modules"))
}

/** How many places of the sources it fits; it has to be one. */
export const placesOf = ({ file, from }: Bug): number =>
  Fs.readFileSync(Path.join(repository, "src", file), "utf8").split(from).length - 1

const plant = (folder: string, bug: Bug): void => {
  const { file, from, name, to } = bug
  const places = placesOf(bug)
  if (places !== 1) throw new Error(`"${name}" fits ${places} places of ${file}, and should fit one`)
  const path = Path.join(folder, "src", file)
  Fs.writeFileSync(path, Fs.readFileSync(path, "utf8").replace(from, () => to))
}

/** The first seed that notices the bug, and how. */
const find = async (bug: Bug, kind: "seeds" | "crashes", jobs: number): Promise<Batch.Failure | undefined> => {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-planted-"))
  try {
    copyTo(folder)
    plant(folder, bug)
    const { failures } = await Batch.run({
      kind,
      from: 1,
      count: seeds,
      jobs,
      enough: 1,
      worker: pathToFileURL(Path.join(folder, "test/simulation/worker.ts")),
      onProgress: () => {}
    })
    return failures[0]
  } finally {
    Fs.rmSync(folder, { recursive: true, force: true })
  }
}

export const runPlanted = async (
  { jobs, kind = "seeds", print }: {
    readonly jobs: number
    /** Those of which seeds: of all, or of crashes. */
    readonly kind?: "seeds" | "crashes"
    readonly print: (text: string) => void
  }
): Promise<boolean> => {
  const planted = kind === "seeds" ? bugs : crashBugs
  let caught = 0
  for (const bug of planted) {
    const failure = await find(bug, kind, jobs)
    if (failure !== undefined) caught++
    print(
      failure === undefined
        ? `planted: NOT CAUGHT in ${seeds} seeds: ${bug.name}`
        : `planted: caught by seed ${failure.index}: ${bug.name} (${failure.violations[0]})`
    )
  }
  print(`planted: ${caught} of ${planted.length} bugs caught`)
  return caught === planted.length
}
