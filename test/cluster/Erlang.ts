/**
 * Nodes of Erlang that find each other on loopback: a folder with their common cookie, and a port mapper of their own.
 */
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as port from "../brokers/port.ts"
import * as Process from "../brokers/Process.ts"

const cookie = ".erlang.cookie"

/** The folder, which is the home of the nodes, and the port of `epmd`. Both end with the scope. */
export const make = Effect.fnUntraced(function*(name: string) {
  const folder = yield* Process.folder(name)
  Process.write(folder, { [cookie]: "TRIEDONLOOPBACK" })
  // Erlang refuses a cookie that others may read.
  Fs.chmodSync(Path.join(folder, cookie), 0o400)
  const epmd = yield* port.free
  yield* Process.start({
    name: "epmd",
    command: "epmd",
    arguments: ["-port", `${epmd}`, "-address", port.host],
    ports: [epmd]
  })
  return { folder, epmd }
})
