/**
 * Bugs that the simulation of crashes must notice, as patches of the sources.
 */
import type { Bug } from "../Bug.ts"

const keptSession = "internal/client/session/keptSession.ts"
const keptOutbox = "internal/client/outgoing/keptOutbox.ts"

export const crashBugs: ReadonlyArray<Bug> = [
  {
    name: "PUBLISH of QoS 2 leaves before its identifier is stored",
    file: keptSession,
    from:
      "if (request.message.qos === 2) this.journal.recordUrgently(sent.toChange())\n    else this.journal.draft(packetIdentifier, sent)",
    to: "this.journal.draft(packetIdentifier, sent)"
  },
  {
    name: "the release is not stored",
    file: keptSession,
    from: "          this.journal.recordUrgently(this.#records.released(change))\n",
    to: ""
  },
  {
    name: "PUBREL leaves before the release is stored",
    file: keptSession,
    from: "this.journal.recordUrgently(this.#records.released(change))",
    to: "this.journal.record(this.#records.released(change))"
  },
  {
    name: "PUBREC leaves before it is stored",
    file: keptSession,
    from: "this.journal.recordUrgently(this.#records.received(key, change.answer))",
    to: "this.journal.record(this.#records.received(key, change.answer))"
  },
  {
    name: "PUBCOMP leaves before the identifier is removed",
    file: keptSession,
    from: "this.journal.recordUrgently({ _tag: \"Remove\", table: \"received\", key })",
    to: "this.journal.record({ _tag: \"Remove\", table: \"received\", key })"
  },
  {
    name: "a PUBREC that says that the server has the message ends the exchange, and the message is removed",
    file: "protocol/Outgoing.ts",
    from:
      "  if (isKnownToServer(outgoing, packet)) {\n    settle(draft)\n    return release(draft, packetIdentifier, request, success)\n  }\n",
    to: ""
  },
  {
    name: "a message that was refused stays in the store",
    file: "internal/client/outgoing/publication.ts",
    from: "if (this.stored?.isAccepted === true) this",
    to: "if (this.stored?.isAccepted === true && Exit.isSuccess(exit)) this"
  },
  {
    name: "publishAsync completes before the commit",
    file: keptOutbox,
    from: "    this.#arrivals.push(publication)\n",
    to: "    this.#arrivals.push(publication)\n    publication.taken()\n"
  },
  {
    name: "the order of what was sent is lost after a restart",
    file: keptSession,
    from: "[{ packetIdentifier: key, message: request.message, request, order: value.order }]",
    to: "[{ packetIdentifier: key, message: request.message, request, order: 1000 - value.order }]"
  },
  {
    name: "the first message of a page of the backlog is skipped",
    file: keptOutbox,
    from: "if (this.#sent.has(entry.key) || this.#gone.delete(entry.key)) continue",
    to:
      "if (this.#sent.has(entry.key) || this.#gone.delete(entry.key)) continue\n      if (entries.length > 1 && entry === entries[0]) {\n        this.#unread--\n        continue\n      }"
  },
  {
    name: "identifiers of an earlier process are free",
    file: keptSession,
    from: "reserved: exchanges.flatMap(",
    to: "releases: [], reserved: exchanges.flatMap("
  },
  {
    name: "a round begins in the middle of a turn",
    file: "internal/client/journal.ts",
    from: "    this.#changes.push(change)\n    this.#tellWorker()\n",
    to: "    this.#changes.push(change)\n    this.#resumeWork?.()\n"
  },
  {
    name: "the totals are those of a later moment than their batch",
    file: keptSession,
    from: "return batch.changes.length === 0 ? Effect.void : this.#writeChanges(batch, totals)\n        })",
    to: "return batch.changes.length === 0 ? Effect.void : this.#writeChanges(batch, outbox.totals)\n        })"
  },
  {
    name: "what a failed commit had is forgotten",
    file: "internal/client/journal.ts",
    from: "this.#changes = [...changes, ...this.#changes]",
    to: ""
  },
  {
    name: "what could not be stored is sent all the same",
    file: keptOutbox,
    from: "    for (const publication of refused) publication.failed(error)\n",
    to:
      "    for (const publication of refused) {\n      publication.failed(error)\n      this.enqueue(publication)\n    }\n"
  }
]
