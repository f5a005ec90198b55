/**
 * ActiveMQ "Classic" with MQTT, as a process of its own, from the libraries of the Debian package.
 */
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as port from "./port.ts"
import * as Process from "./Process.ts"
import { certificateFiles, type Subject, user } from "./Subject.ts"

const home = "/usr/share/activemq"

/** Without them it starts, and dies of the first MQTT connection. */
const forMqtt = ["mqtt-client", "hawtdispatch", "hawtdispatch-transport", "hawtbuf"]
  .map((name) => `/usr/share/java/${name}.jar`)

const libraries = [...Fs.globSync(`${home}/lib/{*,optional/*}.jar`), ...forMqtt]

const configuration = (folder: string, tcp: number, tls: number): string =>
  `<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans
    http://www.springframework.org/schema/beans/spring-beans.xsd http://activemq.apache.org/schema/core
    http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="interop" dataDirectory="${folder}/data"
    persistent="true" useJmx="false">
    <plugins><simpleAuthenticationPlugin><users>
      <authenticationUser username="${user.username}" password="${user.password}" groups="users"/>
    </users></simpleAuthenticationPlugin></plugins>
    <sslContext><sslContext keyStore="file:${folder}/keys.p12" keyStorePassword="changeit" keyStoreType="pkcs12"/>
    </sslContext>
    <transportConnectors>
      <transportConnector name="mqtt" uri="mqtt://${port.host}:${tcp}"/>
      <transportConnector name="mqtts" uri="mqtt+ssl://${port.host}:${tls}"/>
    </transportConnectors>
  </broker>
</beans>
`

const start: Subject["start"] = Effect.gen(function*() {
  const folder = yield* Process.folder("activemq")
  const [tcp, tls] = yield* Effect.all([port.free, port.free])
  Process.write(folder, { ...certificateFiles, "activemq.xml": configuration(folder, tcp, tls) })
  // Java wants a key store.
  const store = ["pkcs12", "-export", "-in", "chain.pem", "-out", "keys.p12", "-passout", "pass:changeit"]
  execFileSync("openssl", store, { cwd: folder })
  const running = yield* Process.start({
    name: "ActiveMQ",
    command: "java",
    arguments: [
      "-Xmx256m",
      "-XX:+UseSerialGC",
      "-cp",
      libraries.join(":"),
      `-Dactivemq.home=${home}`,
      `-Dactivemq.base=${folder}`,
      `-Dactivemq.data=${folder}/data`,
      "org.apache.activemq.console.Main",
      "start",
      `xbean:file:${folder}/activemq.xml`
    ],
    folder,
    ports: [tcp, tls],
    within: "1 minute"
  })
  return { ...running, host: port.host, port: tcp, urls: { TLS: `mqtts://localhost:${tls}` } }
})

export const subject: Subject = {
  name: "activemq",
  title: "ActiveMQ Classic",
  install: "activemq libmqtt-client-java",
  version: Effect.sync(() =>
    Process.find("java") === undefined || !forMqtt.every((file) => Fs.existsSync(file))
      ? undefined
      : /([0-9.]+)\.jar$/.exec(Fs.globSync("/usr/share/java/activemq-broker-*.jar")[0] ?? "")?.[1]
  ),
  versions: ["3.1.1"],
  start
}
