/**
 * The brokers that form a cluster on this machine.
 */
import type { Subject } from "./Cluster.ts"
import * as Ejabberd from "./Ejabberd.ts"
import * as Nats from "./Nats.ts"
import * as RabbitMq from "./RabbitMq.ts"

export const subjects: ReadonlyArray<Subject> = [RabbitMq.subject, Nats.subject, Ejabberd.subject]
