/**
 * Loads the module of a side and connects it where the experiment wants it.
 */
import type { Assignment, Client, Experiment, Side, SideName, Target } from "../Benchmark.ts"

/** What Effect is to the module for Effect 3 is decided by where it is. */
const moduleOf = (side: SideName): string => side === "v3" ? "../../v3/bench/side.ts" : `../sides/${side}.ts`

export const target = (assignment: Assignment, { broker, traffic }: Experiment): Target => ({
  transport: traffic.transport,
  port: broker === "mosquitto" ? assignment.ports.mosquitto : assignment.ports[traffic.transport],
  clientId: assignment.clientId,
  ca: assignment.ca,
  payload: traffic.payload,
  qos: traffic.qos,
  window: traffic.window,
  workload: traffic.workload,
  store: assignment.store
})

export const connect = async (assignment: Assignment, experiment: Experiment): Promise<Client> => {
  const side: Side = await import(moduleOf(assignment.side))
  return side.connect(target(assignment, experiment))
}
