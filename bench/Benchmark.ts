/**
 * What is measured: the experiments, the rows of the result they give, and what their processes say to each other.
 *
 * Knows no client library and no socket. A new row is a line here; a new way to move messages is a `Workload` and a
 * function in every side; anything else is a program in `programs/`.
 */

/** How messages move. Every side performs each of them in its own best documented way. */
export type Workload =
  | "publish"
  | "publish forEach"
  | "publish sink"
  | "publish sequential"
  | "receive"
  | "receive chunks"
  | "consume"
  | "request"
  | "loop"

export type Transport = "tcp" | "tls" | "ws"

export interface Traffic {
  readonly workload: Workload
  readonly qos: 0 | 1 | 2
  /** How many messages may be unacknowledged at once, whichever end sends them. */
  readonly window: number
  /** Bytes of each message. */
  readonly payload: number
  readonly transport: Transport
  /** With a store on the disk, so that messages outlive the process. */
  readonly isDurable: boolean
}

/** One line of the result. */
export interface Row {
  readonly name: string
  readonly unit: "messages/s" | "packets/s" | "us" | "ns" | "ms" | "KiB" | "MiB" | "kB" | "times"
  /** Which of the values that the experiment gives. */
  readonly metric: string
  readonly better: "higher" | "lower"
  /** What `ratio` is wanted to be at least. */
  readonly minimum?: number
  /** What `ours` is wanted to be at most. */
  readonly maximum?: number
  /** The row that is the same without a store, and what share of ours there ours is wanted to be at least. */
  readonly inMemory?: { readonly row: string; readonly minimum?: number }
  /** A row of the package for Effect 3: what share of ours it is wanted to be at least, besides better than the peer. */
  readonly ofOurs?: number
}

/** Sides in C, built where their library is installed. */
export const nativeNames = ["libmosquitto", "paho"] as const

export type NativeName = typeof nativeNames[number]

export const isNative = (side: SideName): side is NativeName => nativeNames.some((name) => name === side)

export const sideNames = ["ours", "v3", "peer", "limit", ...nativeNames] as const

export type SideName = typeof sideNames[number]

export type ProgramName =
  | "traffic"
  | "memory"
  | "dispatch"
  | "codec"
  | "clients"
  | "recovery"
  | "durableRecovery"
  | "import"
  | "bundle"

/** What one process of each side measures, again and again. */
export interface Experiment {
  readonly name: string
  readonly program: ProgramName
  readonly rows: ReadonlyArray<Row>
  readonly sides: ReadonlyArray<SideName>
  readonly traffic: Traffic
  readonly broker: "sink" | "mosquitto" | "none"
  /** Every round has a process of its own, because what is measured happens only once in one. */
  readonly isFresh: boolean
  /** What gives the same value each time needs no more. */
  readonly rounds?: number
  /** Connections of a side whose messages are to be the ones that the sink has counted. */
  readonly connections: number
  /** For the program. */
  readonly detail?: string
}

const base: Traffic = { workload: "publish", qos: 1, window: 1000, payload: 64, transport: "tcp", isDurable: false }

const withLimit: ReadonlyArray<SideName> = ["ours", "peer", "limit"]
const withoutLimit: ReadonlyArray<SideName> = ["ours", "peer"]
const withNative: ReadonlyArray<SideName> = [...withLimit, ...nativeNames]

/** Messages a second of one kind of traffic. */
const traffic = (
  name: string,
  change: Partial<Traffic>,
  more: Pick<Row, "minimum" | "inMemory" | "ofOurs"> & {
    readonly sides?: ReadonlyArray<SideName>
    readonly rows?: ReadonlyArray<Row>
  } = {}
): Experiment => ({
  name,
  program: "traffic",
  rows: [
    {
      name,
      unit: "messages/s",
      metric: "rate",
      better: "higher",
      ...(more.minimum === undefined ? {} : { minimum: more.minimum }),
      ...(more.inMemory === undefined ? {} : { inMemory: more.inMemory }),
      ...(more.ofOurs === undefined ? {} : { ofOurs: more.ofOurs })
    },
    ...more.rows ?? []
  ],
  sides: more.sides ?? withLimit,
  traffic: { ...base, ...change },
  broker: "sink",
  isFresh: false,
  connections: 1
})

const sizes = [
  { name: "16 B", payload: 16, window: 1000 },
  { name: "64 B", payload: 64, window: 1000 },
  { name: "1 KiB", payload: 1024, window: 1000, minimum: { publish: 2, receive: 2 } },
  { name: "64 KiB", payload: 65_536, window: 100, minimum: { publish: 1, receive: 1.5 } },
  { name: "1 MiB", payload: 1_048_576, window: 10, minimum: { publish: 1, receive: 1.2 } }
]

const latency = (percentile: "p50" | "p99", minimum: number): Row => ({
  name: `publish qos1 sequential ${percentile}`,
  unit: "us",
  metric: percentile,
  better: "lower",
  minimum
})

const publishing: ReadonlyArray<Experiment> = [
  traffic("publish qos0 window 1000", { qos: 0 }, { minimum: 5, sides: withNative }),
  traffic("publish qos1 window 1000", {}, { minimum: 8, sides: withNative }),
  traffic("publish qos2 window 1000", { qos: 2 }, { minimum: 9, sides: withNative }),
  traffic("publish qos1 forEach 1000", { workload: "publish forEach" }, { minimum: 3 }),
  traffic("publishSink qos0", { workload: "publish sink", qos: 0 }, { minimum: 18 }),
  traffic("publishSink qos1", { workload: "publish sink" }, { minimum: 25 }),
  traffic("publishSink qos2", { workload: "publish sink", qos: 2 }, { minimum: 27 }),
  traffic("publish qos1 window 1", { window: 1 }),
  traffic("publish qos1 window 16", { window: 16 }),
  traffic("publish qos1 window 256", { window: 256 }),
  traffic("publish qos1 sequential", { workload: "publish sequential", window: 1 }, {
    minimum: 1.05,
    rows: [latency("p50", 1.05), latency("p99", 1)]
  })
]

/** A publish as the rows without a store, which are beside it: it is in the store before it is sent. */
const durable = (
  row: string,
  change: Partial<Traffic>,
  wanted: { readonly minimum?: number; readonly share?: number }
) =>
  traffic(`durable ${row}`, { ...change, isDurable: true }, {
    sides: withoutLimit,
    inMemory: { row, ...(wanted.share === undefined ? {} : { minimum: wanted.share }) },
    ...(wanted.minimum === undefined ? {} : { minimum: wanted.minimum })
  })

const storing: ReadonlyArray<Experiment> = [
  durable("publish qos1 window 1000", {}, { minimum: 5, share: 0.15 }),
  durable("publishSink qos1", { workload: "publish sink" }, {}),
  {
    // MQTT.js sends one at a time, which is answered at once.
    ...traffic("durable recovery of 10,000", { window: 1, isDurable: true }),
    program: "durableRecovery",
    isFresh: true,
    sides: withoutLimit,
    rows: [{ name: "durable recovery of 10,000", unit: "ms", metric: "recovery", better: "lower" }]
  }
]

const receiving: ReadonlyArray<Experiment> = [
  traffic("receive qos0", { workload: "receive", qos: 0 }, { minimum: 7, sides: withNative }),
  traffic("receive qos1", { workload: "receive" }, { minimum: 15, sides: withNative }),
  traffic("receive qos2", { workload: "receive", qos: 2 }, { minimum: 24, sides: withNative }),
  traffic("receive qos0 by chunks", { workload: "receive chunks", qos: 0 }, { minimum: 10 }),
  traffic("receive qos1 by chunks", { workload: "receive chunks" }, { minimum: 20 }),
  traffic("receive qos2 by chunks", { workload: "receive chunks", qos: 2 }),
  traffic("consume qos1", { workload: "consume" }, { minimum: 9 })
]

const payloads: ReadonlyArray<Experiment> = sizes.flatMap(({ minimum, name, payload, window }) => [
  traffic(`publish qos1 ${name}`, { payload, window }, minimum === undefined ? {} : { minimum: minimum.publish }),
  traffic(
    `receive qos1 ${name}`,
    { workload: "receive", payload, window },
    minimum === undefined ? {} : { minimum: minimum.receive }
  )
])

const transports: ReadonlyArray<Experiment> = [
  traffic("publish qos1 TLS", { transport: "tls" }, { minimum: 3 }),
  traffic("receive qos1 TLS", { workload: "receive", transport: "tls" }, { minimum: 3 }),
  traffic("publish qos1 WebSocket", { transport: "ws" }, { minimum: 3, sides: withoutLimit }),
  traffic("receive qos1 WebSocket", { workload: "receive", transport: "ws" }, { minimum: 3, sides: withoutLimit })
]

/** The package for Effect 3, which is the same client behind a bridge. */
const effect3 = (row: string, change: Partial<Traffic>, ofOurs: number) =>
  traffic(`v3 ${row}`, change, { sides: ["v3", "ours", "peer"], ofOurs })

const bridged: ReadonlyArray<Experiment> = [
  effect3("publish qos1 window 1000", {}, 1 / 2),
  effect3("receive qos1", { workload: "receive" }, 2 / 3),
  effect3("consume qos1", { workload: "consume" }, 2 / 3)
]

const exchanges: ReadonlyArray<Experiment> = [
  traffic("request/response window 100", { workload: "request", window: 100 }, { minimum: 1.5, sides: withoutLimit }),
  { ...traffic("mosquitto end to end qos1", { workload: "loop" }, { sides: withoutLimit }), broker: "mosquitto" }
]

/** Messages are dispatched of so many topics, in turn. */
export const dispatchTopics = 10_000

/** Ways to dispatch: filters with a stream each, and all of them in one subscription. */
export const dispatchWays = [
  { name: "1 filter", filters: 1, isOneStream: false },
  { name: "100 filters", filters: 100, isOneStream: false },
  { name: "10,000 filters", filters: 10_000, isOneStream: false },
  { name: "10,000 filters of one stream", filters: 10_000, isOneStream: true }
] as const

const dispatch: Experiment = {
  ...traffic("dispatch", { workload: "receive", qos: 0 }, { sides: withoutLimit }),
  program: "dispatch",
  connections: dispatchWays.length,
  rows: dispatchWays.flatMap(({ filters, name }): ReadonlyArray<Row> => [
    {
      name: `dispatch to ${name}`,
      unit: "messages/s",
      metric: `rate ${name}`,
      better: "higher",
      ...(filters === 10_000 ? { minimum: 1 } : {})
    },
    { name: `dispatch to ${name}, processor time`, unit: "ns", metric: `cost ${name}`, better: "lower" },
    ...filters < 10_000 ? [] : [
      {
        name: `dispatch to ${name} against 1 filter`,
        unit: "times",
        metric: `growth ${name}`,
        better: "lower",
        maximum: 2
      } as const
    ]
  ])
}

const codecRows = ["encode", "decode"].flatMap((direction) =>
  ["3.1.1", "5.0", "5.0 with properties"].map((kind): Experiment => {
    const name = `codec ${direction} publish ${kind}`
    return {
      ...traffic(name, {}, { minimum: 10, sides: withoutLimit }),
      rows: [{ name, unit: "packets/s", metric: "rate", better: "higher", minimum: 10 }],
      program: "codec",
      broker: "none",
      connections: 0,
      detail: `${direction}/${kind}`
    }
  })
)

const fresh = { isFresh: true, connections: 0, sides: withoutLimit } as const

const clients: Experiment = {
  ...traffic("clients", {}),
  ...fresh,
  program: "clients",
  rows: [
    { name: "1,000 clients: time to connect", unit: "ms", metric: "connect", better: "lower", minimum: 1 },
    { name: "1,000 clients: heap per idle client", unit: "KiB", metric: "heap", better: "lower", minimum: 0.8 },
    { name: "1,000 clients: memory per idle client", unit: "KiB", metric: "resident", better: "lower", minimum: 0.8 }
  ]
}

/** Round trips in milliseconds, each with a port of the relay. */
export const roundTrips = [0, 10, 50] as const

const recoveries = roundTrips.map((roundTrip): Experiment => ({
  // One that is sent at a time is answered at once.
  ...traffic("recovery", { window: 1 }),
  ...fresh,
  name: `recovery at ${roundTrip} ms`,
  program: "recovery",
  rows: [{
    name: `recovery of 10,000 in flight at ${roundTrip} ms`,
    unit: "ms",
    metric: "recovery",
    better: "lower",
    ...(roundTrip === 10 ? { minimum: 1000 } : {})
  }],
  detail: `${roundTrip}`
}))

const memory = (name: string, workload: Workload): Experiment => ({
  ...traffic(`memory, ${name}`, { workload }),
  program: "memory",
  isFresh: true,
  rows: [{
    name: `peak memory of a million messages, ${name}`,
    unit: "MiB",
    metric: "peak",
    better: "lower",
    minimum: 1
  }]
})

const once = { ...fresh, broker: "none" } as const

const loading: ReadonlyArray<Experiment> = [
  {
    ...traffic("cold import", {}),
    ...once,
    program: "import",
    rows: [{ name: "cold import", unit: "ms", metric: "import", better: "lower", minimum: 0.5 }]
  },
  {
    ...traffic("browser bundle", {}),
    ...once,
    program: "bundle",
    rounds: 1,
    rows: [
      { name: "browser bundle with effect, gzipped", unit: "kB", metric: "gzipped", better: "lower", minimum: 1.15 },
      { name: "browser bundle with effect, minified", unit: "kB", metric: "minified", better: "lower" },
      { name: "browser bundle without effect, gzipped", unit: "kB", metric: "gzipped alone", better: "lower" },
      { name: "browser bundle without effect, minified", unit: "kB", metric: "minified alone", better: "lower" }
    ]
  }
]

export const experiments: ReadonlyArray<Experiment> = [
  ...publishing,
  ...storing,
  ...receiving,
  ...payloads,
  dispatch,
  ...transports,
  ...bridged,
  ...exchanges,
  ...codecRows,
  clients,
  ...recoveries,
  memory("publish qos1", "publish"),
  memory("receive qos1", "receive"),
  ...loading
]

/**
 * Moves `count` messages as the traffic says and ends when the last one has fulfilled its QoS, or has been received.
 * What it returns is done after the clock has stopped.
 */
export type Perform = (traffic: Traffic, count: number) => Promise<CleanUp>

export type CleanUp = () => Promise<void>

/** Publishing leaves nothing behind. */
export const noCleanUp: CleanUp = () => Promise.resolve()

/** One MQTT connection of one side. A workload that is missing is not measured for it. */
export interface Client {
  readonly perform: { readonly [_ in Workload]?: Perform }
  /** Milliseconds each message of the last sequential workload took. */
  readonly latencies: () => ReadonlyArray<number>
  /** Seconds of processor time so far, of a client that is a process of its own. */
  readonly processor?: () => number
  readonly disconnect: () => Promise<void>
}

export const host = "127.0.0.1"

/** Where a side finds its server, and who it is. */
export interface Target {
  readonly transport: Transport
  readonly port: number
  readonly clientId: string
  /** Certificate of the authority that has signed the sink's, PEM. */
  readonly ca: string
  /** Bytes of the largest payload there is going to be. */
  readonly payload: number
  readonly qos: 0 | 1 | 2
  readonly window: number
  readonly workload: Workload
  /** A directory, of a client whose messages outlive the process. */
  readonly store: string | undefined
}

/** What a module has with the ways of one side: `sides/<name>.ts`. */
export interface Side {
  readonly connect: (target: Target) => Promise<Client>
}

export const topic = "bench/topic"

export const loopTopic = "bench/loop"

export const requestTopic = "bench/request"

/** So begin the Client Identifiers whose first connection the sink leaves without acknowledgements. */
export const unacknowledgedPrefix = "unacknowledged-"

export const payloadOf = ({ payload }: { readonly payload: number }): Buffer => Buffer.alloc(payload, "x")

/** The topics of the dispatch experiment: a hundred groups of a hundred. */
export const dispatchTopic = (index: number): string => {
  const digits = (number: number) => `${number}`.padStart(2, "0")
  return `bench/dispatch/${digits(Math.floor(index / 100))}/${digits(index % 100)}`
}

/** As many filters as asked for, over all those topics. */
export const dispatchFilters = (count: number): ReadonlyArray<string> => {
  if (count === 1) return ["bench/dispatch/#"]
  return count === 100
    ? Array.from({ length: 100 }, (_, group) => dispatchTopic(group * 100).replace(/\d+$/, "+"))
    : Array.from({ length: dispatchTopics }, (_, index) => dispatchTopic(index))
}

export interface ReceiveRequest {
  readonly qos: number
  readonly window: number
  readonly payload: number
  /** One: the filter itself is the topic. Otherwise those of the dispatch experiment in turn. */
  readonly topics: number
  readonly count: number
}

/** Subscribing to it makes the sink send this many messages. */
export const receiveFilter = ({ payload, qos, window }: Traffic, count: number, topics = 1): string =>
  `bench/receive/${qos}/${window}/${payload}/${topics}/${count}`

/** The inverse of `receiveFilter`. */
export const receiveRequest = (filter: string): ReceiveRequest | undefined => {
  const found = /^bench\/receive\/([012])\/(\d+)\/(\d+)\/(\d+)\/(\d+)$/.exec(filter)
  if (found === null) return undefined
  const [qos, window, payload, topics, count] = found.slice(1).map(Number)
  return { qos, window, payload, topics, count }
}

/** Where everything listens. */
export interface Ports {
  readonly tcp: number
  readonly tls: number
  readonly ws: number
  /** Of the relay, by the index of the round trip. */
  readonly relay: ReadonlyArray<number>
  /** Connecting there cuts every connection through the relay. */
  readonly cut: number
  readonly mosquitto: number
}

/** What the process of a side is started with. */
export interface Assignment {
  readonly side: SideName
  readonly experiment: string
  readonly ports: Ports
  readonly ca: string
  readonly clientId: string
  /** An empty directory, for a store. */
  readonly store: string | undefined
  readonly isQuick: boolean
  /** Of one sample, where the program can choose. */
  readonly seconds: number
}

/** What a program measures in one go, by metric. */
export type Values = { readonly [metric: string]: number }

/** A program at work: connected, if it is to connect. */
export interface Task {
  readonly warmUp: (seconds: number) => Promise<void>
  readonly sample: () => Promise<Values>
  /** Seconds of processor time so far that were spent in another process. */
  readonly processor?: () => number
  /** Disconnects and says how many messages it has moved in all, for comparison with what the sink has counted. */
  readonly end: () => Promise<number>
}

/** What a module of `programs/` has. */
export interface Program {
  readonly start: (assignment: Assignment, experiment: Experiment) => Promise<Task>
}

/** What the process of a side is told. */
export type SideRequest =
  | { readonly _tag: "WarmUp"; readonly seconds: number }
  | { readonly _tag: "Sample" }
  | { readonly _tag: "End" }

/** What the process of a side says. */
export type SideMessage =
  | { readonly _tag: "Started" }
  | { readonly _tag: "WarmedUp" }
  | {
    readonly _tag: "Sampled"
    readonly values: Values
    readonly seconds: number
    /** Seconds of processor time, all threads. */
    readonly processor: number
  }
  | { readonly _tag: "Ended"; readonly total: number }

/** What the process of the sink is told. */
export type SinkRequest =
  | { readonly _tag: "ReportUsage" }
  /** The next clients are going to have this window. */
  | { readonly _tag: "Expect"; readonly window: number }
  /** Is to say when the clients whose identifiers begin so have acknowledged all that it has sent them. */
  | { readonly _tag: "AwaitAcknowledgements"; readonly clientId: string }

/** What the process of the sink says. */
export type SinkMessage =
  | { readonly _tag: "Listening"; readonly ports: Pick<Ports, "tcp" | "tls" | "ws">; readonly ca: string }
  /** Its own processor time, all threads, and its own clock, both in seconds. */
  | { readonly _tag: "Usage"; readonly processor: number; readonly clock: number }
  | { readonly _tag: "Acknowledged"; readonly clientId: string }
  | {
    readonly _tag: "Closed"
    readonly clientId: string
    /** PUBLISH packets it has read. */
    readonly read: number
    /** PUBLISH packets it has sent. */
    readonly sent: number
    /** PUBACK and PUBCOMP packets it has read. */
    readonly acknowledged: number
  }

/** What the process of the relay says. */
export interface RelayMessage {
  readonly _tag: "Relaying"
  readonly relay: ReadonlyArray<number>
  readonly cut: number
}
