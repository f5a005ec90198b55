import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { onTestFinished } from "vitest"
import { repository } from "../../scripts/files.ts"
import { violations, violationsOfEffect3, violationsOfLength } from "../../scripts/modules.ts"

/** A folder with these files, gone when the test is over. */
const folderWith = (files: Readonly<Record<string, string>>): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mqtt-test-"))
  onTestFinished(() => fs.rmSync(folder, { recursive: true }))
  for (const [file, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    fs.writeFileSync(path.join(folder, file), text)
  }
  return folder
}

describe("dependency direction", () => {
  it("holds in src", () => {
    assert.deepStrictEqual(violations(path.join(repository, "src")), [])
  })

  const wrong = [
    ["protocol/Packet.ts", `import { Effect } from "effect"`],
    ["protocol/Packet.ts", `import type { MqttError } from "../MqttError.ts"`],
    ["protocol/Packet.ts", `export { x } from "node:fs"`],
    ["MqttError.ts", `export * from "./internal/connection/writer.ts"`],
    ["MqttStore.ts", `import * as Socket from "effect/socket/Socket"`],
    ["MqttStore.ts", `import type * as KeyValueStore from "effect/persistence/KeyValueStore"`],
    ["MqttTopic.ts", `import type * as RpcMessage from "effect/rpc/RpcMessage"`],
    ["index.ts", `export { MqttRpc } from "./rpc/index.ts"`],
    ["rpc/MqttRpc.ts", `import { SessionRunner } from "../internal/client/session/sessionRunner.ts"`],
    ["MqttTransport.ts", `import type * as Socket from "effect/socket/Socket"`],
    ["MqttTransport.ts", `export { fromSocket } from "./SocketTransport.ts"`],
    ["MqttClient.ts", `import * as Dns from "effect/net/Dns"`],
    ["node/NodeTcp.ts", `import type * as NetAddress from "effect/net/NetAddress"`],
    ["internal/connection/writer.ts", `import * as SocketTransport from "../../SocketTransport.ts"`],
    ["internal/connection/writer.ts", `import { MqttClient } from "../../MqttClient.ts"`],
    ["internal/connection/writer.ts", `export const load = () => import("node:net")`],
    ["MqttClient.ts", `import { tcp } from "./node/index.ts"`],
    ["MqttClient.ts", `import { NodeSocket } from "@effect/platform-node"`],
    ["testing/index.ts", `import { writer } from "../internal/connection/writer.ts"`],
    ["testing/index.ts", `export type Client = import("../MqttClient.ts").MqttClient`],
    ["testing/index.ts", `export * from "./node/index.ts"`],
    ["testing/node/index.ts", `import { NodeMqtt } from "../../node/index.ts"`],
    ["node/index.ts", `import { MemoryBroker } from "../testing/index.ts"`],
    ["browser/index.ts", `import { tcp } from "../node/index.ts"`],
    ["node/index.ts", `import { readFileSync } from "../../scripts/files.ts"`],
    ["node/index.ts", `import WebSocket from "ws"`],
    ["internal/client/owner.ts", `import { Outbox } from "./outgoing/outbox.ts"`],
    ["internal/client/incoming/inbox.ts", `import type { Publication } from "../outgoing/publication.ts"`],
    ["internal/client/outgoing/outbox.ts", `import type { SessionRunner } from "../session/sessionRunner.ts"`],
    ["internal/client/session/reading.ts", `import { Supervisor } from "../connecting/supervisor.ts"`],
    ["internal/client/connecting/supervisor.ts", `import type { Publisher } from "../calls/publisher.ts"`],
    ["internal/client/calls/publisher.ts", `import type { MqttClient } from "../../../MqttClient.ts"`],
    ["elsewhere/index.ts", `import { Effect } from "effect"`]
  ] as const
  for (const [module, text] of wrong) {
    it(`is broken by ${text} in ${module}`, () => {
      assert.strictEqual(violations(folderWith({ [module]: text })).length, 1)
    })
  }

  it("allows what each part needs and ignores comments", () => {
    const source = folderWith({
      "protocol/Packet.ts": `/** import { Effect } from "effect" */\nimport type { Topic } from "./Topic.ts"`,
      "MqttTransport.ts": `import { Context } from "effect"\nimport { MqttError } from "./MqttError.ts"`,
      "SocketTransport.ts":
        `import { Socket } from "effect/socket"\nimport { MqttTransport } from "./MqttTransport.ts"`,
      "NetworkProbe.ts": `import * as Dns from "effect/net/Dns"`,
      "node/NodeNetworkProbe.ts": `import * as Dns from "effect/net/Dns"`,
      "internal/connection/writer.ts":
        `import { Effect } from "effect"\nimport { MqttTransport } from "../../MqttTransport.ts"`,
      "index.ts": `export * as MqttClient from "./MqttClient.ts"`,
      "node/NodeTcp.ts": `import { Socket } from "effect/socket"\nimport { fromSocket } from "../SocketTransport.ts"`,
      "node/index.ts": `import * as net from "node:net"\nimport { MqttClient } from "../MqttClient.ts"`,
      "testing/node/index.ts": `import * as net from "node:net"\nimport { MemoryBroker } from "../index.ts"`,
      "cli/index.ts": `import { NodeMqtt } from "../node/index.ts"`
    })
    assert.deepStrictEqual(violations(source), [])
  })
})

describe("the package for Effect 3", () => {
  const src = {
    "src/MqttClient.ts": `import { Effect } from "effect"\nexport * as Topic from "./protocol/Topic.ts"`,
    "src/MqttError.ts": `import * as Data from "effect/Data"`,
    "src/MqttState.ts": `import type { MqttError } from "./MqttError.ts"`,
    "src/protocol/Topic.ts": `import { levels } from "./levels.ts"`,
    "src/protocol/levels.ts": ""
  }

  it("imports what it may", () => {
    assert.deepStrictEqual(violationsOfEffect3(repository), [])
    const folder = folderWith({
      ...src,
      "engine/index.ts":
        `export { Effect } from "effect"\nexport * from "../src/MqttClient.ts"\nexport * from "./Run.ts"`,
      "v3/src/MqttClient.ts": `import * as Engine from "../../engine/index.ts"\nimport { Effect } from "effect"`,
      "v3/src/MqttTransport.ts": `import * as Socket from "@effect/platform/Socket"\nimport "./MqttClient.ts"`,
      "v3/src/ported/MqttError.ts": `import * as Topic from "../../../src/protocol/Topic.ts"`
    })
    assert.deepStrictEqual(violationsOfEffect3(folder), [])
  })

  it.each([
    ["engine/index.ts", `import { Socket } from "@effect/platform"`],
    ["engine/index.ts", `import { Membrane } from "../v3/src/internal/membrane.ts"`],
    ["engine/index.ts", `import * as fs from "node:fs"`],
    ["v3/src/MqttClient.ts", `export { run } from "../../engine/Run.ts"`],
    ["v3/src/MqttClient.ts", `import * as MqttClient from "../../src/MqttClient.ts"`],
    ["v3/src/MqttClient.ts", `import type * as MqttState from "../../src/MqttState.ts"`],
    ["v3/src/MqttClient.ts", `import { NodeSocket } from "@effect/platform-node"`],
    ["v3/src/MqttClient.ts", `import { repository } from "../../scripts/files.ts"`]
  ])("%s does not import %s", (module, text) => {
    const sentences = violationsOfEffect3(folderWith({ ...src, [module]: text }))
    assert.strictEqual(sentences.length, 1)
    assert.include(sentences[0], module)
  })

  it("is imported by no module of src", () => {
    const source = folderWith({ "MqttClient.ts": `import { run } from "../engine/index.ts"` })
    assert.strictEqual(violations(source).length, 1)
  })
})

describe("circular imports", () => {
  /** What the linter says of a folder, by the settings of the repository. */
  const lint = (folder: string) => {
    const oxlint = path.join(repository, "node_modules", "oxlint", "bin", "oxlint")
    const options = ["-c", path.join(repository, ".oxlintrc.json"), folder]
    return spawnSync(process.execPath, [oxlint, ...options], { encoding: "utf8" })
  }

  it("are refused by the linter", () => {
    const { status, stdout } = lint(folderWith({
      "one.ts": `import { two } from "./two.ts"\nexport const one = () => two`,
      "two.ts": `import { one } from "./one.ts"\nexport const two = () => one`
    }))
    assert.include(stdout, "no-cycle")
    assert.strictEqual(status, 1)
  })

  const circlesOfTypes = [
    [`import type { Two } from "./two.ts"`, "Two"],
    [`import { type Two, two } from "./two.ts"\nexport const one = two`, "Two"],
    [`import type * as Two from "./two.ts"`, "Two.Two"],
    [`export type { Two } from "./two.ts"`, "number"]
  ] as const
  for (const [text, type] of circlesOfTypes) {
    it(`are refused by the linter when types alone close them: ${text}`, () => {
      const { status, stdout } = lint(folderWith({
        "one.ts": `${text}\nexport interface One { readonly two: ${type} }`,
        "two.ts":
          `import type { One } from "./three.ts"\nexport const two = 2\nexport interface Two { readonly one: One }`,
        "three.ts": `export type * from "./one.ts"`
      }))
      assert.include(stdout, "no-cycle")
      for (const module of ["one.ts", "two.ts", "three.ts"]) assert.include(stdout, module)
      assert.strictEqual(status, 1)
    })
  }

  it("do not exist in src, with type imports counted", () => {
    const { stdout } = lint(path.join(repository, "src"))
    assert.notInclude(stdout, "no-cycle")
    assert.include(stdout, "Found")
  })
})

describe("the length of a module", () => {
  const linesOfText = (count: number): string => "export {}\n".repeat(count)

  it("is within the bounds everywhere in src", () => {
    assert.deepStrictEqual(violationsOfLength(path.join(repository, "src")), [])
  })

  it("is at most 400 lines", () => {
    const source = folderWith({
      "MqttClient.ts": linesOfText(450),
      "internal/client/inbox.ts": linesOfText(401),
      "internal/client/outbox.ts": linesOfText(400)
    })
    assert.deepStrictEqual(violationsOfLength(source), [
      "MqttClient.ts has 450 lines and may have 400: make two concepts of it",
      "internal/client/inbox.ts has 401 lines and may have 400: make two concepts of it"
    ])
  })

  it("is at most 800 lines for a module of the list, which only long modules stand on", () => {
    const source = folderWith({
      "MqttError.ts": linesOfText(801),
      "protocol/Decoder.ts": linesOfText(800),
      "protocol/Encoder.ts": linesOfText(401),
      "protocol/Validity.ts": linesOfText(400)
    })
    assert.deepStrictEqual(violationsOfLength(source), [
      "MqttError.ts has 801 lines and may have 800: make two concepts of it",
      "protocol/Validity.ts has 400 lines: take it off the list in scripts/modules.ts"
    ])
  })

  it("fails the check, as a wrong import does", () => {
    const check = (files: Readonly<Record<string, string>>) => {
      const script = path.join(repository, "scripts", "modules.ts")
      return spawnSync(process.execPath, [script, folderWith(files)], { encoding: "utf8" })
    }
    const long = check({ "MqttClient.ts": linesOfText(450) })
    assert.include(long.stderr, "MqttClient.ts has 450 lines")
    assert.strictEqual(long.status, 1)
    const upwards = check({ "protocol/Packet.ts": `import type { MqttClient } from "../MqttClient.ts"` })
    assert.include(upwards.stderr, "protocol/Packet.ts (protocol) may not import MqttClient.ts")
    assert.strictEqual(upwards.status, 1)
    assert.strictEqual(check({ "protocol/Packet.ts": linesOfText(400) }).status, 0)
  })
})
