import { fork } from "node:child_process"
const sink = fork(new URL("./bench/sink.ts", import.meta.url), [])
const port: number = await new Promise((r) => sink.on("message", (m: any) => { const p = m.port; if (p) r(p) }))
const row = process.argv[2], sideName = process.argv[3]
const side = fork(new URL("./bench/measure.ts", import.meta.url), [JSON.stringify({ row, side: sideName, port, warmUpSeconds: 1, seconds: 3 })], { execArgv: process.argv[4] === "prof" ? ["--cpu-prof", "--cpu-prof-dir=/tmp/prof", "--cpu-prof-interval=100"] : [] })
console.log("pid", side.pid)
side.on("message", (m: any) => { if (m._tag === "Ready") side.send({ _tag: "Go" }); else console.log(row, sideName, Math.round(m.count / m.seconds), "cpu us/msg", (m.processor / m.count * 1e6).toFixed(1)) })
side.on("exit", () => sink.kill())
