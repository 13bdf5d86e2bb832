// A shop's backend on Express, without a library of the portal's: `PORTAL=… KEY=… SECRET=… node shop.mjs`.
import { createHmac, timingSafeEqual } from "node:crypto";
import express from "express";
import { Webhook } from "standardwebhooks";

const { PORTAL, KEY, SECRET, PORT = "8100" } = process.env;
const SHOP = `http://127.0.0.1:${PORT}`;
const app = express();
const newest = new Map(); // onboarding → the highest sequence that was seen; a table of your database

async function call(method, path, body) {
  const answer = await fetch(`${PORTAL}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${said.code}: ${said.detail}`);
  return said;
}

app.get("/start/:customer", async ({ params }, response) => {
  const started = await call("POST", "/onboardings", { external_id: params.customer, return_url: `${SHOP}/done` });
  response.redirect(303, started.url);
});

app.get("/done", async ({ originalUrl }, response) => {
  const [, signed, signature = ""] = /\?(.*)&signature=([^&]*)$/.exec(originalUrl) ?? [];
  const right = createHmac("sha256", SECRET).update(signed ?? "").digest("hex");
  const given = new URLSearchParams(signed);
  const isFresh = Math.abs(Date.now() / 1000 - Number(given.get("t"))) < 300;
  if (signature.length !== right.length || !timingSafeEqual(Buffer.from(signature), Buffer.from(right)) || !isFresh)
    return response.sendStatus(400);
  const { external_id, status } = await call("GET", `/onboardings/${given.get("onboarding_id")}`); // the truth
  return response.json({ external_id, status });
});

// The signature is of the bytes as they came, so nothing may parse the body before.
app.post("/hooks", express.raw({ type: "application/json" }), (request, response) => {
  let data;
  try {
    ({ data } = new Webhook(SECRET).verify(request.body, request.headers));
  } catch {
    return response.sendStatus(400);
  }
  if (data.sequence > (newest.get(data.id)?.sequence ?? 0)) newest.set(data.id, data);
  return response.sendStatus(204);
});

app.get("/heard", (_request, response) => response.json([...newest.values()].map(({ external_id, status }) => ({ external_id, status }))));

app.listen(Number(PORT), "127.0.0.1");
