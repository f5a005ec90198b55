/**
 * How long each client takes to go on after a fault: from the fault to the first message that was sent after it and
 * that the cluster acknowledged to a publisher, or delivered to a consumer.
 *
 * Pure: time is an argument, in milliseconds.
 */
export type Kind = "killed" | "stopped" | "cut off"

export interface Fault {
  readonly kind: Kind
  readonly node: string
  readonly at: number
}

interface Pending {
  readonly fault: Fault
  /** Whether the client was connected to the node. */
  readonly isOfNode: boolean
}

export interface Recovery extends Pending {
  readonly client: string
  readonly took: number
}

export interface Summary {
  readonly count: number
  readonly median: number
  readonly longest: number
}

export class Failover {
  readonly faults: Array<Fault> = []
  readonly recoveries: Array<Recovery> = []
  readonly #pending = new Map<string, ReadonlyArray<Pending>>()

  struck(fault: Fault, clients: ReadonlyArray<{ readonly name: string; readonly isOfNode: boolean }>): void {
    this.faults.push(fault)
    for (const { isOfNode, name } of clients) {
      this.#pending.set(name, [...this.#pending.get(name) ?? [], { fault, isOfNode }])
    }
  }

  /** A message sent at `sentAt` was acknowledged to this client, or delivered to it. */
  wentOn(client: string, sentAt: number, now: number): void {
    const pending = this.#pending.get(client)
    if (pending === undefined || pending.length === 0) return
    const isOver = ({ fault }: Pending) => sentAt >= fault.at
    for (const one of pending.filter(isOver)) this.recoveries.push({ ...one, client, took: now - one.fault.at })
    this.#pending.set(client, pending.filter((one) => !isOver(one)))
  }

  /** Clients that have not gone on since a fault. */
  get stuck(): ReadonlyArray<string> {
    return [...this.#pending].flatMap(([client, pending]) =>
      pending.map(({ fault }) => `${client}, ${fault.node} ${fault.kind}`)
    )
  }

  summary(kind: Kind, isOfNode: boolean): Summary | undefined {
    const took = this.recoveries
      .filter((recovery) => recovery.fault.kind === kind && recovery.isOfNode === isOfNode)
      .map((recovery) => recovery.took)
      .toSorted((one, other) => one - other)
    if (took.length === 0) return undefined
    return { count: took.length, median: took[Math.floor((took.length - 1) / 2)], longest: took[took.length - 1] }
  }
}
