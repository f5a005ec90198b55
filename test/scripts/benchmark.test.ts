import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { type Experiment, experiments, nativeNames, type SideName } from "../../bench/Benchmark.ts"
import { buildNative, missingFor, type Native, nativePackages, versionOf } from "../../bench/native.ts"
import { BenchmarkProcess } from "../../bench/processes.ts"
import { report, resultsOf, type Sample, toJson } from "../../bench/results.ts"
import type { Sink } from "../../bench/sideRun.ts"
import { connectProgram } from "../../bench/sides/native.ts"
import { repository } from "../../scripts/files.ts"
import { suiteWith } from "../support/requirements.ts"

const experimentOf = (name: string): Experiment => {
  const found = experiments.find((experiment) => experiment.name === name)
  if (found === undefined) throw new Error(`no experiment ${name}`)
  return found
}

const sampled = (rates: Partial<Record<SideName, number>>): Record<SideName, ReadonlyArray<Sample>> => {
  const of = (side: SideName): ReadonlyArray<Sample> => {
    const rate = rates[side]
    return rate === undefined ? [] : [{ values: { rate }, ownShare: 1, brokerShare: 0.1 }]
  }
  return {
    ours: of("ours"),
    v3: of("v3"),
    peer: of("peer"),
    limit: of("limit"),
    libmosquitto: of("libmosquitto"),
    paho: of("paho")
  }
}

const natives: ReadonlyArray<Native> = [
  { _tag: "Built", name: "libmosquitto", version: "2.0.11" },
  { _tag: "LeftOut", name: "paho", reason: "MQTTAsync.h is not installed" }
]

const run = { command: "npm run bench", isQuick: true, seconds: 1, natives }

const withoutPaho = resultsOf(
  new Map([[
    experimentOf("publish qos1 window 1000"),
    sampled({ ours: 1_000_000, peer: 150_000, limit: 8_000_000, libmosquitto: 40_000 })
  ]]),
  () => true
)

describe("the benchmark's libraries in C", () => {
  it("are sides of publishing and receiving at each QoS, and of nothing else", () => {
    assert.deepStrictEqual(
      experiments.filter(({ sides }) => nativeNames.every((name) => sides.includes(name))).map(({ name }) => name),
      [
        "publish qos0 window 1000",
        "publish qos1 window 1000",
        "publish qos2 window 1000",
        "receive qos0",
        "receive qos1",
        "receive qos2"
      ]
    )
  })

  it("have values in the JSON, and the reason where there is none", () => {
    const { natives: written, rows: [row] } = toJson(withoutPaho, run)
    assert.strictEqual(row.libmosquitto, 40_000)
    assert.strictEqual(row.paho, null)
    assert.strictEqual(row.detail.libmosquitto?.cpu, 1)
    assert.deepStrictEqual(written, natives)
  })

  it("are absent from the JSON of a row that has neither", () => {
    const samples = new Map([[experimentOf("consume qos1"), sampled({ ours: 2, peer: 1 })]])
    const { rows: [row] } = toJson(resultsOf(samples, () => true), run)
    assert.notProperty(row, "libmosquitto")
  })

  it("have a table of their own, with how many times faster ours is", () => {
    const lines = report(withoutPaho, natives).split("\n")
    const row = lines[lines.findIndex((line) => line.startsWith("median, C libraries")) + 1]
    assert.deepStrictEqual(row.trim().split(/\s{2,}/), [
      "publish qos1 window 1000",
      "1.00 M",
      "-0% +0%",
      "40.0 k",
      "-0% +0%",
      "25.00"
    ])
    assert.include(lines, "paho: left out, MQTTAsync.h is not installed.")
  })

  it("are left out where there is no compiler", () => {
    assert.match(missingFor("paho", "no-such-compiler") ?? "", /no C compiler no-such-compiler/)
  })
})

const requirement = {
  name: "the libraries in C of the benchmark",
  packages: nativePackages,
  isInstalled: () => nativeNames.every((name) => missingFor(name) === undefined)
}

/** What the test does with the sink and an empty folder; nothing of either stays behind. */
const withSink = async (use: (sink: Sink, folder: string) => Promise<void>): Promise<void> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mqtt-native-"))
  const sink: Sink = new BenchmarkProcess("the sink", "sink.ts", [], repository)
  try {
    await use(sink, folder)
  } finally {
    sink.kill()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

suiteWith([requirement], "the benchmark's programs in C", () => {
  it.each(nativeNames)(
    "%s moves as many messages as the sink counts, at each QoS",
    (name) =>
      withSink(async (sink, folder) => {
        const { ca, ports } = await sink.next("Listening")
        const program = buildNative(name, folder)
        assert.match(versionOf(program), /^\d+\.\d+\.\d+$/)
        for (const qos of [0, 1, 2] as const) {
          const traffic = { ...experimentOf("receive qos1").traffic, qos, window: 50 }
          const clientId = `${name}-${qos}-`
          sink.tell({ _tag: "Expect", window: traffic.window })
          const target = { ...traffic, port: ports.tcp, clientId, ca, store: undefined }
          const client = await connectProgram(program, target)
          await client.perform.publish?.(traffic, 300)
          const cleanUp = await client.perform.receive?.(traffic, 200)
          await cleanUp?.()
          sink.tell({ _tag: "AwaitAcknowledgements", clientId })
          await sink.next("Acknowledged")
          await client.disconnect()
          const { acknowledged, read, sent } = await sink.next("Closed")
          assert.deepStrictEqual({ acknowledged, read, sent }, {
            acknowledged: qos === 0 ? 0 : 200,
            read: 300,
            sent: 200
          })
          assert.isAbove(client.processor?.() ?? 0, 0)
        }
      })
  )
})
