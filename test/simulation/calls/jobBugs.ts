/**
 * Bugs in the handling of messages, for the simulation to find.
 */
import type { Bug } from "../Bug.ts"

export const jobBugs: ReadonlyArray<Bug> = [
  {
    name: "a consumer that is told to leave takes on what it has pulled",
    file: "internal/client/calls/workers.ts",
    from: "    this.isEnding = true\n    this.#hasEnded = true\n",
    to: "    this.#hasEnded = true\n"
  },
  {
    name: "handlers that run are interrupted as soon as their consumer is to end",
    file: "internal/client/calls/workers.ts",
    from: "Effect.timeoutOption(this.#finished, timeout)",
    to: "Effect.timeoutOption(this.#finished, 0)"
  },
  {
    name: "a consumer waits for its handlers, however long they take",
    file: "internal/client/calls/workers.ts",
    from: "        for (const worker of this.#all) worker.interrupt()\n        return",
    to: "        return"
  },
  {
    name: "messages of one key are handled at once",
    file: "internal/client/calls/workers.ts",
    from: "return keyOf(message)",
    to: "return [keyOf(message)]"
  },
  {
    name: "a message is acknowledged before its dead letter is published",
    file: "internal/client/calls/attempts.ts",
    from: "  if (deadLetters === undefined) return giveUp(cause)\n",
    to: "  if (deadLetters === undefined) return giveUp(cause)\n  held.settle(delivery, 0x00)\n"
  },
  {
    name: "a message is acknowledged when its first attempt has failed",
    file: "internal/client/calls/attempts.ts",
    from: "  worker.isWaiting = true\n",
    to: "  worker.isWaiting = true\n  options.held.settle(failed.delivery, 0x00)\n"
  },
  {
    name: "a dead letter tells of too few attempts",
    file: "internal/client/calls/attempts.ts",
    from: "{ cause, attempts: attempts + 1 }",
    to: "{ cause, attempts }"
  },
  {
    name: "a dead letter ends its consumer",
    file: "internal/client/calls/attempts.ts",
    from: "    counts.deadLetters++\n",
    to: "    counts.deadLetters++\n    return Effect.interrupt\n"
  },
  {
    name: "further attempts begin although the consumer is to end",
    file: "internal/client/calls/workers.ts",
    from: "if (worker.delivery === undefined || worker.isWaiting) worker.interrupt()",
    to: "if (worker.delivery === undefined) worker.interrupt()"
  },
  {
    name: "`deliveries` acknowledges what it hands over",
    file: "internal/client/calls/manual.ts",
    from: "if (delivery.handover === undefined) held.settle(delivery, 0x00)",
    to: "held.settle(delivery, 0x00)"
  },
  {
    name: "`next` acknowledges what came with its message",
    file: "internal/client/calls/next.ts",
    from: "Effect.map(([delivery]) => delivery)",
    to: "Effect.map((all) => (all.forEach((one) => held.settle(one, 0x00)), all[0]))"
  }
]
