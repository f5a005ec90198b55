/**
 * What is measured: the rows, the workloads they consist of, and what a side must be able to do to take part.
 *
 * Knows no client library and no socket. A new row is a line of `rows`; a new workload is a function in every side.
 */

/** How messages move. Every side performs each of them in its own best documented way. */
export type Workload = "publish window" | "publish sequential" | "receive"

export interface Row {
  readonly name: string
  readonly unit: "messages/s"
  readonly workload: Workload
  readonly qos: 0 | 1 | 2
  /** How many messages may be unacknowledged at once, whichever end sends them. */
  readonly window: number
}

const row = (name: string, workload: Workload, qos: Row["qos"], window: number): Row => ({
  name,
  unit: "messages/s",
  workload,
  qos,
  window
})

export const rows: ReadonlyArray<Row> = [
  row("publish qos0 window 1000", "publish window", 0, 1000),
  row("publish qos1 window 1000", "publish window", 1, 1000),
  row("publish qos2 window 1000", "publish window", 2, 1000),
  row("publish qos1 sequential", "publish sequential", 1, 1),
  row("receive qos0", "receive", 0, 1000),
  row("receive qos1", "receive", 1, 1000)
]

/**
 * Moves `count` messages as the row says and ends when the last one has fulfilled its QoS, or has been received. What
 * it returns is done after the clock has stopped.
 */
export type Perform = (row: Row, count: number) => Promise<CleanUp>

export type CleanUp = () => Promise<void>

/** Publishing leaves nothing behind. */
export const noCleanUp: CleanUp = () => Promise.resolve()

/** One MQTT connection of one side. */
export interface Client {
  readonly perform: { readonly [_ in Workload]: Perform }
  readonly disconnect: () => Promise<void>
}

/** A side is a module with this shape: `sides/<name>.ts`. */
export interface Side {
  readonly connect: (port: number) => Promise<Client>
}

export const sideNames = ["ours", "peer", "limit"] as const

export type SideName = typeof sideNames[number]

export const host = "127.0.0.1"

export const topic = "bench/topic"

export const payload = Buffer.alloc(64, "x")

/** Subscribing to it makes the sink send this many messages to the topic of the same name. */
export const receiveFilter = (row: Row, count: number): string => `bench/receive/${row.qos}/${row.window}/${count}`

export interface ReceiveRequest {
  readonly qos: number
  readonly window: number
  readonly count: number
}

/** The inverse of `receiveFilter`. */
export const receiveRequest = (filter: string): ReceiveRequest | undefined => {
  const found = /^bench\/receive\/([01])\/(\d+)\/(\d+)$/.exec(filter)
  return found === null
    ? undefined
    : { qos: Number(found[1]), window: Number(found[2]), count: Number(found[3]) }
}

/** What the process of a side is started with. */
export interface Assignment {
  readonly side: SideName
  readonly row: string
  readonly port: number
  readonly warmUpSeconds: number
  readonly seconds: number
}

/** What the process of a side is told: to start the measurement. */
export type SideRequest = { readonly _tag: "Go" }

/** What the process of a side says: warm and waiting to be told to go, then the result. */
export type SideMessage =
  | { readonly _tag: "Ready" }
  | {
    readonly _tag: "Measured"
    readonly count: number
    readonly seconds: number
    /** Seconds of processor time, all threads. */
    readonly processor: number
    /** With the warm-up, for comparison with what the sink has counted. */
    readonly total: number
  }

/** What the process of the sink is told. */
export type SinkRequest =
  | { readonly _tag: "ReportUsage" }
  /** The next client is going to have this window. */
  | { readonly _tag: "Expect"; readonly window: number }

/** What the process of the sink says. */
export type SinkMessage =
  | { readonly _tag: "Listening"; readonly port: number }
  /** Its own processor time, all threads, and its own clock, both in seconds. */
  | { readonly _tag: "Usage"; readonly processor: number; readonly clock: number }
  | {
    readonly _tag: "Closed"
    /** PUBLISH packets it has read. */
    readonly read: number
    /** PUBLISH packets it has sent. */
    readonly sent: number
    /** PUBACK packets it has read. */
    readonly acknowledged: number
  }
