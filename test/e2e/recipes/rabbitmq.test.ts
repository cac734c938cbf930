// The recipe for RabbitMQ, on a real one.

import { expect } from "bun:test";
import { needs } from "../../support/needs.ts";
import { startRabbitmq } from "../../support/rabbitmq.ts";
import { recipe } from "../../support/recipes.ts";
import { tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const test = await needs("RabbitMQ", "epmd");

const PASSWORD = "a password of a test";

test("a RabbitMQ that serves passes, and its disk alarm is not ready", async () => {
  await using folder = await tempFolder();
  await using server = await startRabbitmq();
  await server.addMonitor("health", PASSWORD);
  await using rabbitmq = await recipe("RabbitMQ", {
    "127.0.0.1:5672": server.amqp,
    "127.0.0.1:15672": server.management,
    "/run/credentials/health-checker.service/rabbitmq": await folder.write("password", encodeURIComponent(PASSWORD)),
  });
  expect(await rabbitmq.states()).toEqual({ rabbitmq: "up", "rabbitmq-alarms": "up" });
  await server.setDiskFreeLimit(1e15);
  const hasAlarm = async () => (await rabbitmq.states())["rabbitmq-alarms"] === "not-ready";
  await until(hasAlarm, 20_000, "the alarm to be set");
  expect(await rabbitmq.states()).toEqual({ rabbitmq: "up", "rabbitmq-alarms": "not-ready" });
}, 120_000);
