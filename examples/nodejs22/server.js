// The smallest Fastify application: it greets.
import Fastify from "fastify";

const app = Fastify({ logger: true });

app.get("/", async () => `Hello from Node.js ${process.versions.node}\n`);

// Let requests under way finish when the instance is stopped.
process.on("SIGTERM", () => app.close());

await app.listen({ host: "0.0.0.0", port: Number(process.env.PORT ?? 8080) });
